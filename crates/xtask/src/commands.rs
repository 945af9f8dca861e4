//! Running cargo and the tools, with a line that says what is under way.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use local_stack::Tools;

/// The checkout.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// The cargo that runs this command, in the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs a command to its end and says how long it took.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
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

/// Builds a worker's binary and answers where it is.
///
/// # Errors
/// When the build fails.
pub(crate) fn build_worker(package: &str, release: bool) -> anyhow::Result<PathBuf> {
    println!("building {package} (the first build of all dependencies takes some minutes)");
    let mut arguments = vec!["build", "--package", package];
    if release {
        arguments.push("--release");
    } else {
        // Together with this command, dependencies have the same features and are compiled once for both.
        arguments.extend(["--package", "xtask"]);
    }
    let status = cargo(&arguments).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("{package} does not build");
    }
    // This command lies in the folder of the development profile.
    let own = std::env::current_exe().context("where is this command?")?;
    let debug = own.parent().context("this command has no folder")?;
    let folder = if release { debug.with_file_name("release") } else { debug.to_owned() };
    Ok(folder.join(package))
}

/// Finds or fetches the tools, saying what is under way.
///
/// # Errors
/// A sentence on what cannot be had, and what to install.
pub(crate) fn tools() -> anyhow::Result<Tools> {
    Tools::locate_or_install(|line| println!("{line}"))
}

/// Fetches everything now.
///
/// # Errors
/// As [`tools`].
pub(crate) fn install_tools() -> anyhow::Result<()> {
    let tools = tools()?;
    for (name, path) in [
        ("PostgreSQL", tools.postgres()?),
        ("AWS emulator", tools.ministack()?),
        ("SCIM server", tools.scim2_server()?),
        ("cfn-lint", tools.cfn_lint()?),
    ] {
        println!("{name}: {}", path.display());
    }
    Ok(())
}
