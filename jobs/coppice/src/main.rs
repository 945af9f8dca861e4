//! The operators' command: persons, versions of coppice.toml, sources, links, dead-lettered messages, the topology, and the dependencies of a unit. Out: a report, as
//! text or JSON, on standard output; errors on standard error. The crate `operations` does the work; here are only arguments,
//! settings and text. The command prints personal data where it is asked for it, and writes no logs.

mod arguments;
mod config;
mod dlq;
mod doctor;
mod environment;
mod failure;
mod former_settings;
mod link;
mod person;
mod printed;
mod record;
mod retention;
mod source;
mod topology;

use std::process::ExitCode;

use clap::Parser;
use job_process::run_quietly;

use arguments::{Arguments, Topic};

fn main() -> ExitCode {
    let Arguments { json, topic } = Arguments::parse();
    run_quietly("coppice", async |stop| match topic {
        Topic::Person(command) => person::run(command, json).await,
        Topic::Config(command) => config::run(command, json).await,
        Topic::Link(command) => link::run(command, json).await,
        Topic::Record(command) => record::run(command, json).await,
        Topic::Source(command) => source::run(command, json).await,
        Topic::Dlq(command) => dlq::run(command, json, &stop).await,
        Topic::Retention(ages) => retention::run(&ages, json).await,
        Topic::Topology(command) => topology::run(command, json),
        Topic::Doctor(arguments) => doctor::run(&arguments, json, &stop).await,
    })
}
