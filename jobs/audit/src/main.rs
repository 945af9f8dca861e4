#![doc = include_str!("../README.md")]

mod arguments;
mod audit;
mod comparison;
mod refetch;
mod repair;
mod report;
mod rounds;
mod share;
mod source_settings;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    job_process::run("audit", async |stop| audit::run(arguments, stop).await)
}
