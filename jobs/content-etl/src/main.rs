#![doc = include_str!("../README.md")]

mod arguments;
mod calls;
mod changes;
mod guard;
mod listing;
mod loading;
mod report;
mod run;
mod settings;
mod sweep;
mod work;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    job_process::run("content-etl", async |stop| work::work(arguments, stop).await)
}
