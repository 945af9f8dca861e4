//! Builds the units' binaries: every package of the workspace with a folder in `workers/` or `jobs/`. They are linked
//! statically, and are the same on every build machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Binary, Target};
use crate::commands::run_step;

// Replaces the folder of all registries' sources in the binaries.
const REGISTRY: &str = "/registry";
const CRATES_IO: &str = "index.crates.io-1949cf8c6b5b557f";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

/// Every package of the workspace, sorted by name.
pub(super) fn packages(workspace: &Path) -> anyhow::Result<Vec<Package>> {
    let metadata = metadata(workspace)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let mut packages: Vec<Package> = packages.iter().filter_map(package).collect();
    packages.sort();
    Ok(packages)
}

fn package(described: &Value) -> Option<Package> {
    let folder = Path::new(described["manifest_path"].as_str()?).parent()?.to_owned();
    Some(Package { name: described["name"].as_str()?.to_owned(), folder })
}

pub(super) fn all(workspace: &Path) -> anyhow::Result<Vec<String>> {
    let parents = ["workers", "jobs"].map(|parent| workspace.join(parent));
    let is_unit = |package: &Package| parents.iter().any(|parent| package.folder.parent() == Some(parent));
    let units: Vec<String> =
        packages(workspace)?.into_iter().filter(is_unit).map(|package| package.name).collect();
    if units.is_empty() {
        bail!("{} has no units in workers/ and jobs/", workspace.display());
    }
    Ok(units)
}

pub(super) fn target_directory(workspace: &Path) -> anyhow::Result<PathBuf> {
    let metadata = metadata(workspace)?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

fn metadata(workspace: &Path) -> anyhow::Result<Value> {
    let output = cargo_in(workspace)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub(crate) fn host_triple() -> anyhow::Result<String> {
    let output =
        Command::new("rustc").args(["--version", "--verbose"]).output().context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

pub(super) fn build(workspace: &Path, target: &Target, units: &[String]) -> anyhow::Result<Vec<Binary>> {
    // The flags name the folders of the sources, so the sources must be there.
    let mut fetch = cargo_in(workspace);
    fetch.args(["fetch", "--locked", "--target", &target.triple]);
    run_step("fetch", fetch)?;
    let folder = target_directory(workspace)?;
    let mut cargo = cargo_in(workspace);
    // With an explicit target, even the host's own, cargo does not apply the flags to build scripts and macros. The compiler
    // loads macros, so they cannot be static.
    cargo.args(["build", "--profile", target.profile, "--locked", "--target", &target.triple]);
    cargo.args(units.iter().flat_map(|unit| ["--package", unit]));
    // This variable overrides all other sources of flags, and allows paths with spaces.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace, &folder)?);
    run_step("static binaries (the first build takes many minutes)", cargo)?;
    let built = folder.join(&target.triple).join(target.profile);
    Ok(units.iter().map(|unit| Binary { unit: unit.clone(), path: built.join(unit) }).collect())
}

fn flags(workspace: &Path, target: &Path) -> anyhow::Result<OsString> {
    // Panics and backtraces name files, and would show the builder's folder: the paths of this machine are kept out.
    let sources = cargo_home()?.join("registry/src");
    let mut remapped =
        vec![(workspace.to_owned(), "/coppice".to_owned()), (sources.clone(), REGISTRY.to_owned())];
    // rustc uses the last prefix that fits. Sources from a mirror have the checksums of crates.io, so they get its name.
    for folder in fs::read_dir(&sources).with_context(|| format!("cannot read {}", sources.display()))? {
        let folder = folder?;
        if folder.file_name() != CRATES_IO {
            remapped.push((folder.path(), format!("{REGISTRY}/{CRATES_IO}")));
        }
    }
    if !target.starts_with(workspace) {
        remapped.push((target.to_owned(), "/coppice/target".to_owned()));
    }
    let mut flags = OsString::from("-C\u{1f}target-feature=+crt-static");
    for (from, to) in remapped {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}

pub(super) fn cargo_home() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(folder));
    }
    let home = std::env::home_dir().context("there is no home directory: set CARGO_HOME")?;
    Ok(home.join(".cargo"))
}

pub(super) fn cargo_in(workspace: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace);
    command
}
