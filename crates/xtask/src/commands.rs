//! Runs cargo and the tools, and prints a line before each step.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use local_stack::Tools;

pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

pub(crate) fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(workspace().join(path)).with_context(|| path.to_owned())
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs a command to its end and prints how long it took.
pub(crate) fn run_step(what: &str, mut command: Command) -> anyhow::Result<()> {
    println!("\n── {what}");
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    let took = begun.elapsed().as_secs();
    if !status.success() {
        bail!("{what}: failed after {took} s");
    }
    println!("── {what}: ok ({took} s)");
    Ok(())
}

/// Builds the units and returns the path of each binary.
pub(crate) fn build(
    units: impl IntoIterator<Item = &'static str>,
    release: bool,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let units: Vec<&str> = units.into_iter().collect();
    println!(
        "building {} units: a few seconds if nothing has changed, three to six minutes on two cores the first time",
        units.len()
    );
    let begun = Instant::now();
    let built = testkit::build_units(units, release)?;
    println!("built in {} s", begun.elapsed().as_secs());
    Ok(built)
}

/// Finds or installs the tools, and prints a line before each step that takes long.
pub(crate) fn tools() -> anyhow::Result<Tools> {
    Tools::locate_or_install(|line| println!("{line}"))
}

pub(crate) fn install_tools() -> anyhow::Result<()> {
    let tools = tools()?;
    for (name, path) in [
        ("PostgreSQL", tools.postgres()?),
        ("AWS emulator", tools.ministack()?),
        ("SCIM server", tools.scim2_server()?),
        ("sender of Stripe's webhooks", tools.localstripe_python()?),
        ("vendors' clients", tools.vendor_clients_python()?),
        ("cfn-lint", tools.cfn_lint()?),
        ("helm", tools.helm()?),
        ("kubectl", tools.kubectl()?),
        ("kubernetes-validate", tools.kubernetes_validate()?),
        ("checkov", tools.checkov()?),
        ("typos", tools.typos()?),
        ("cargo-deny", tools.cargo_deny()?),
        ("cargo-nextest", tools.cargo_nextest()?),
    ] {
        println!("{name}: {}", path.display());
    }
    Ok(())
}
