//! Every check of this project, in the order of how fast it answers. CI runs this and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::commands::{cargo, install_tools, run_step, tools};
use crate::{chart, demo, image, instructions, sqlx_prepare};

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
    run_step("CloudFormation templates", cfn_lint()?)?;
    println!("\n── files made from the chart's values");
    chart::run(true)?;
    for example in helm_examples()? {
        run_step(&format!("chart with {}", example.display()), helm_lint(&example)?)?;
    }
    println!("\n── queries against the migrations");
    sqlx_prepare::run(true)?;
    run_step("documentation", documentation())?;
    run_step("tests", tests())?;
    println!("\n── instructions of the hot paths");
    instructions::run(false)?;
    println!("\n── image");
    image::try_out()?;
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

/// The example values, which together turn everything on.
fn helm_examples() -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(chart::folder().join("ci"))?;
    let mut examples: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| Path::new("ci").join(entry.file_name())))
        .collect::<Result<_, _>>()?;
    examples.sort();
    Ok(examples)
}

fn helm_lint(example: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.helm()?);
    command.args(["lint", "--strict", ".", "--values"]).arg(example).current_dir(chart::folder());
    Ok(command)
}

fn cfn_lint() -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.cfn_lint()?);
    let templates = ["deploy/cloudformation/coppice.yaml", "deploy/cloudformation/roles.yaml"];
    command.args(templates).current_dir(crate::commands::workspace());
    Ok(command)
}
