//! `cargo xtask bench`: builds what is measured as it is shipped, and the benchmark, and runs it.
//!
//! In: the benchmark's own arguments. Out: its tables and its exit code. What is measured, and how, stands in
//! `docs/measurements`; the measuring itself is `tests/benchmark`.

use std::process::Command;

use crate::commands::{build, run_step, workspace};

const BENCHMARK: &str = "benchmark";

/// Builds and runs.
///
/// # Errors
/// When something does not build, or a contestant got its job wrong.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    // One after the other: built together, the worker would get features that only the benchmark's servers need.
    build(["sso-sync"], true)?;
    let built = build([BENCHMARK], true)?;
    let mut command = Command::new(&built[BENCHMARK]);
    command.args(arguments).current_dir(workspace());
    run_step(BENCHMARK, command)
}
