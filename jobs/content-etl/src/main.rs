#![doc = include_str!("../README.md")]

mod arguments;
mod calls;
mod changes;
mod guard;
mod listing;
mod loading;
mod report;
mod settings;
mod sweep;
mod work;

use std::process::ExitCode;

use clap::Parser;
use job_process::run;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run("content-etl", async |stop| work::work(arguments, stop).await)
}
