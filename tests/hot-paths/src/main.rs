//! The paths that every message takes, one at a time, as often as it is told.
//!
//! In: a path's name and a number. Out: nothing but the work, which `cargo xtask instructions` counts under valgrind: what so
//! many turns cost more than none is the path, without the start of the process. Must not know a clock, a network or a
//! database.

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
