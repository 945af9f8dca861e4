//! `cargo xtask bench`: makes release builds of `sso-sync` and of the benchmark (`tests/benchmark`), and runs it. Out: its
//! tables and its exit code. `docs/measurements` says what is measured and how.

use std::process::Command;

use crate::commands::{build, run_step, workspace};

const BENCHMARK: &str = "benchmark";

pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    // Two builds: in one build, cargo would give the worker features that only the benchmark's servers need.
    build(["sso-sync"], true)?;
    let built = build([BENCHMARK], true)?;
    let mut command = Command::new(&built[BENCHMARK]);
    command.args(arguments).current_dir(workspace());
    run_step(BENCHMARK, command)
}
