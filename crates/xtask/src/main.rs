//! The one interface for developers: `cargo xtask <command>`.
//!
//! In: this checkout. Out: a demo, a local stack, every check that CI runs, or a measurement. CI calls the same
//! commands. Nothing that is deployed depends on this crate.

mod bench;
mod chart;
mod checks;
mod cluster;
mod commands;
mod demo;
mod image;
mod instructions;
mod person;
mod release;
mod sqlx_prepare;
mod stack;
mod up;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Coppice's developer commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the story of changed persons through real parts, on this machine.
    Demo {
        /// Check the final state and end: exit code 0 when all is as it should be, 1 when not.
        #[arg(long)]
        once: bool,
    },
    /// Check everything but the tests: format, lints, queries, templates, chart, dependencies, spelling, words. Minutes.
    Check,
    /// Run every test, and the demo once.
    Test,
    /// Run what takes too long for every change: seeds, every chart value, instruction counts, image, fuzzing, mutations.
    Nightly {
        /// Nothing but this part.
        #[arg(long, value_enum)]
        only: Option<checks::NightlyPart>,
    },
    /// Keep a local stack running, with every unit, until Ctrl-C.
    Up,
    /// List, add or change persons at the simulated identity provider of a running `cargo xtask up`.
    Person {
        #[command(subcommand)]
        command: person::PersonCommand,
    },
    /// Deploy the topology to an emulator that runs elsewhere, and print the stack's outputs as values of the chart.
    Stack {
        /// Where the emulator listens: http://host:port.
        #[arg(long)]
        endpoint: String,
    },
    /// Keep what a fleet in a cluster needs around it: AWS emulator, Postgres, providers, and people who use them.
    Cluster {
        /// An address of this machine that the cluster's pods reach, such as that of Docker's bridge.
        #[arg(long)]
        address: Ipv4Addr,
        /// Seconds between two things that people do.
        #[arg(long, default_value = "5", value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// Measure `sso-sync` beside what one would otherwise take; `bench --help` lists the options.
    #[command(disable_help_flag = true)]
    Bench {
        /// The benchmark's own.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Count the instructions of the hot paths, and fail when one takes a tenth more than is known.
    Instructions {
        /// Write the counts down as the known ones.
        #[arg(long)]
        renew: bool,
    },
    /// Build the container image, into `target/image`.
    Image(image::ImageArguments),
    /// Renew `.sqlx`, the descriptions that queries are checked against, after a query or a migration has changed.
    SqlxPrepare {
        /// Change nothing, and fail when they are out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make the chart's schema, and its README's table of values, from the comments of its values.yaml.
    Chart {
        /// Change nothing, and fail when they are out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make the files of a release, with notes from the changelog fragments; prints what to do next, and pushes nothing.
    Release(release::ReleaseArguments),
    /// Fetch PostgreSQL, the AWS emulator and the other tools into `.tools`, so that later commands need no network.
    Tools,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Demo { once } => demo::run(once),
        Command::Check => checks::check(),
        Command::Test => checks::test(),
        Command::Nightly { only } => checks::nightly(only),
        Command::Up => up::run(),
        Command::Person { command } => person::run(command),
        Command::Stack { endpoint } => stack::run(&endpoint),
        Command::Cluster { address, every } => cluster::run(address, Duration::from_secs(every)),
        Command::Instructions { renew } => instructions::run(renew),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Image(arguments) => image::run(arguments),
        Command::SqlxPrepare { check } => sqlx_prepare::run(check),
        Command::Chart { check } => chart::run(check),
        Command::Release(arguments) => release::run(&arguments),
        Command::Tools => commands::install_tools(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
