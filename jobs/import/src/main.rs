#![doc = include_str!("../README.md")]

mod arguments;
mod format;
mod input;
mod report;
mod rows;
mod run;
mod sending;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;

const NAME: &str = "import";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    job_process::run(NAME, async |stop| run::run(arguments, stop).await)
}
