//! Runs one of the paths that every message takes, a given number of times.
//!
//! In: a path's name and a number of turns. Out: nothing. `cargo xtask instructions` counts the instructions under valgrind,
//! with these turns and with none. The difference is the cost of the path without the start of the process. Must not know
//! a clock, a network or a database.

mod consumer;
mod paths;

use std::process::ExitCode;

use anyhow::{Context, bail};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [path, times] = arguments else { bail!("usage: hot-paths PATH TIMES") };
    let times: u32 = times.parse().context("TIMES is a number")?;
    match path.as_str() {
        "parse-event" => paths::parse_event(times),
        "disposition" => paths::disposition(times),
        "profile" => paths::profile(times),
        "announcement" => paths::announcement(times),
        "batch" => consumer::batch(times),
        other => bail!("no path {other}"),
    }
}
