#![doc = include_str!("../README.md")]

mod arguments;
mod changes;
mod guard;
mod listing;
mod named;
mod patience;
mod provider;
mod report;
mod run;
mod sending;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;

const NAME: &str = "resync-enqueuer";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    job_process::run(NAME, async |stop| run::run(arguments, stop).await)
}
