//! The units' binaries, built by cargo. In: units by name. Out: the paths of their binaries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail};
use fleet::Kind;
use serde_json::Value;

/// The unit that receives webhooks.
pub const INGRESS: &str = "webhook-ingress";

/// The operators' tool.
pub const OPERATORS_TOOL: &str = "coppice";

/// The units that run on a queue until they are stopped, of those that a world's own sources have branches for.
pub fn workers() -> impl Iterator<Item = &'static str> {
    let own = fleet::UNITS.iter().filter(|unit| unit.providers() != ["registry"]);
    own.filter(|unit| unit.kind == Kind::Worker).map(|unit| unit.name)
}

/// Builds units and returns the path of each binary.
///
/// # Errors
/// When the build fails; cargo has said why on standard error.
pub fn build_units(
    units: impl IntoIterator<Item = &'static str>,
    release: bool,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let units: Vec<&str> = units.into_iter().collect();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    cargo.args(["build", "--message-format", "json-render-diagnostics"]);
    if release {
        cargo.arg("--release").args(units.iter().flat_map(|unit| ["--package", unit]));
    } else {
        // The whole workspace with all features, as for a run of all tests. So every dependency has the same features and is
        // compiled once, and cargo replaces no binary while another test uses it.
        cargo.args(["--workspace", "--bins", "--all-features"]);
    }
    // Cargo writes messages for programs to standard output, and those for persons to standard error.
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{} does not build", units.join(", "));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: BTreeMap<String, PathBuf> = messages.lines().filter_map(binary).collect();
    match units.iter().find(|unit| !built.contains_key(**unit)) {
        Some(unit) => bail!("cargo has built no binary {unit}"),
        None => Ok(built),
    }
}

/// Environment variable with the folder of the units' binaries, when the test run has built them.
pub const BUILT_UNITS: &str = "COPPICE_TEST_UNITS";

/// Where a unit's binary is, for a test. Built when it is asked for, unless the run has built all (`BUILT_UNITS`).
pub fn unit_binary(unit: &str) -> &'static str {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| match built_units() {
        Some(folder) => fleet::names().map(|unit| (unit.to_owned(), folder.join(unit))).collect(),
        None => build_units(fleet::names(), false).expect("the units build"),
    });
    built.get(unit).and_then(|path| path.to_str()).expect("a unit with a path that is text")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the run's own services are named by its environment, not by settings"
)]
fn built_units() -> Option<PathBuf> {
    std::env::var(BUILT_UNITS).ok().filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

fn binary(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message["executable"].as_str()?;
    let kinds = message["target"]["kind"].as_array()?;
    let name = message["target"]["name"].as_str().filter(|_| kinds.iter().any(|kind| kind == "bin"))?;
    Some((name.to_owned(), PathBuf::from(path)))
}
