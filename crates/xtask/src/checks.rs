//! Every check of this project, in the order of how fast it answers. CI runs this and nothing else.

use std::process::{Command, Stdio};

use crate::commands::{cargo, install_tools, run_step, tools};
use crate::{demo, sqlx_prepare};

/// Runs them all, and stops at the first that fails.
///
/// # Errors
/// The check that failed.
pub(crate) fn run() -> anyhow::Result<()> {
    run_step("format", cargo(&["fmt", "--all", "--check"]))?;
    println!("\n── tools");
    install_tools()?;
    run_step(
        "lints",
        cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    )?;
    run_step("CloudFormation template", cfn_lint()?)?;
    println!("\n── queries against the migrations");
    sqlx_prepare::run(true)?;
    run_step("documentation", documentation())?;
    run_step("tests", tests())?;
    println!("\n── demo");
    demo::run(true)?;
    println!("\nall checks passed");
    Ok(())
}

/// With nextest where it is installed: a process for each test, and a test that passes on a second try is a failure.
fn tests() -> Command {
    let nextest = cargo(&["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if nextest.is_ok_and(|status| status.success()) {
        cargo(&["nextest", "run", "--workspace", "--all-features"])
    } else {
        cargo(&["test", "--workspace", "--all-features", "--all-targets"])
    }
}

fn documentation() -> Command {
    let mut command = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn cfn_lint() -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.cfn_lint()?);
    command.arg("deploy/cloudformation/coppice.yaml").current_dir(crate::commands::workspace());
    Ok(command)
}
