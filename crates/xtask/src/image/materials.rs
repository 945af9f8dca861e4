//! The bill of materials: every crate in the image, its version, licence and checksum, and what depends on what. In: the
//! workspace, read by `cargo-cyclonedx`. Out: one `CycloneDX` document. The tool writes one for each package; those of the
//! units are merged, because a scanner examines the image as one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::units::{cargo_in, packages};
use super::{NAME, Target};
use crate::commands::run_step;

// Scanners recognise this ending.
pub(super) const FILE: &str = "coppice.cdx.json";

// The version whose documents this module can merge.
const TOOL: &str = "cargo-cyclonedx";
const TOOL_VERSION: &str = "0.5.9";
const FORMAT: &str = "1.5";

// File name for cargo-cyclonedx. No file of the checkout has it.
const PART: &str = "image-materials";

/// Makes the bill of materials of the units.
pub(super) fn read(
    workspace: &Path,
    target: &Target,
    units: &[String],
    version: &str,
) -> anyhow::Result<Vec<u8>> {
    let tool = tool(workspace)?;
    let mut cyclonedx = cargo_in(workspace);
    // Called as `cargo cyclonedx` calls it, but by path, because it is not among the user's own commands.
    cyclonedx.env("PATH", search_path(&tool)?);
    cyclonedx.args(["cyclonedx", "--format", "json", "--spec-version", FORMAT, "--all", "--no-build-deps"]);
    cyclonedx.args(["--target", &target.triple, "--override-filename", PART, "--quiet", "--quiet"]);
    // Leaves out the time and a random serial number.
    cyclonedx.env("SOURCE_DATE_EPOCH", "0");
    let ended = run_step("bill of materials", cyclonedx);
    // Before the result is examined, so that the documents are removed from the checkout also after a failure.
    let parts = take_parts(workspace, units);
    ended?;
    merge(&parts?, workspace, version)
}

/// Installs the tool under `target`, if it is not there.
fn tool(workspace: &Path) -> anyhow::Result<PathBuf> {
    let folder = super::units::target_directory(&crate::commands::workspace())?.join("tools");
    let folder = folder.join(format!("{TOOL}-{TOOL_VERSION}"));
    let bin = folder.join("bin");
    if !bin.join(TOOL).is_file() {
        let mut install = cargo_in(workspace);
        install.args(["install", "--locked", "--version", TOOL_VERSION, "--root"]).arg(&folder).arg(TOOL);
        run_step(&format!("install {TOOL} {TOOL_VERSION} (once)"), install)?;
    }
    Ok(bin)
}

fn search_path(first: &Path) -> anyhow::Result<std::ffi::OsString> {
    let known = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_owned()).chain(std::env::split_paths(&known));
    std::env::join_paths(folders).context("a folder of PATH holds a colon")
}

/// Reads the documents of the units, and removes all documents of the tool from the checkout.
fn take_parts(workspace: &Path, units: &[String]) -> anyhow::Result<Vec<Value>> {
    let mut parts = Vec::new();
    for package in packages(workspace)? {
        let path = package.folder.join(format!("{PART}.json"));
        if !path.is_file() {
            continue;
        }
        let text = fs::read(&path)?;
        fs::remove_file(&path)?;
        if units.contains(&package.name) {
            parts.push(serde_json::from_slice(&text)?);
        }
    }
    if parts.len() != units.len() {
        bail!("{TOOL} has described {} of {} units", parts.len(), units.len());
    }
    Ok(parts)
}

fn merge(parts: &[Value], workspace: &Path, version: &str) -> anyhow::Result<Vec<u8>> {
    // Sorted maps: the document does not depend on the order of a folder.
    let mut components = BTreeMap::new();
    let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut units = BTreeSet::new();
    for part in parts {
        let unit = &part["metadata"]["component"];
        units.insert(reference(unit)?.to_owned());
        let others = part["components"].as_array().context("a document with components")?;
        for component in std::iter::once(unit).chain(others) {
            components.insert(reference(component)?.to_owned(), in_the_image(component)?);
        }
        for dependency in part["dependencies"].as_array().context("a document with dependencies")? {
            let of = dependency["ref"].as_str().context("a dependency with a name")?;
            let on = dependency["dependsOn"].as_array().into_iter().flatten();
            let known = dependencies.entry(of.to_owned()).or_default();
            known.extend(on.filter_map(Value::as_str).map(str::to_owned));
        }
    }
    // A unit may be a dependency of another unit, and is a library there.
    for unit in &units {
        components.entry(unit.clone()).and_modify(|component| component["type"] = json!("application"));
    }
    let image = format!("image:{NAME}@{version}");
    dependencies.insert(image.clone(), units);
    let dependencies: Vec<Value> =
        dependencies.into_iter().map(|(of, on)| json!({"ref": of, "dependsOn": on})).collect();
    let document = json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{FORMAT}.schema.json"),
        "bomFormat": "CycloneDX",
        "specVersion": FORMAT,
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": image, "name": NAME, "version": version},
            "tools": [{"name": TOOL, "version": TOOL_VERSION}],
        },
        "components": components.into_values().collect::<Vec<Value>>(),
        "dependencies": dependencies,
    });
    let text = serde_json::to_string_pretty(&document)?;
    // cargo-cyclonedx names packages of this workspace by their folder. The path on this machine is private.
    let folder = workspace.to_str().context("the path of the checkout is not UTF-8")?;
    Ok(text.replace(&format!("file://{folder}"), "file:///coppice").into_bytes())
}

/// The component without the fields that depend on the package that names it.
fn in_the_image(component: &Value) -> anyhow::Result<Value> {
    let mut component = component.clone();
    let fields = component.as_object_mut().context("a component")?;
    // The library and the binary of one package as separate parts.
    fields.remove("components");
    // The relative folder, which depends on the package that needs it.
    if let Some(Value::String(address)) = fields.get_mut("purl")
        && let Some(folder) = address.find("?download_url=file:")
    {
        address.truncate(folder);
    }
    Ok(component)
}

fn reference(component: &Value) -> anyhow::Result<&str> {
    component["bom-ref"].as_str().context("a component with a name")
}
