//! The one interface for developers: `cargo xtask <command>`.
//!
//! In: this checkout. Out: a demo, a local stack, every check that CI runs, or a measurement. CI runs the same
//! commands. No deployed binary depends on this crate.

mod bench;
mod chart;
mod checks;
mod cluster;
mod commands;
mod demo;
mod file_reference;
mod generate;
mod grants;
mod image;
mod instructions;
mod local;
mod person;
mod release;
mod sql_mutants;
mod sqlx_prepare;
mod stack;
mod up;

use std::net::Ipv4Addr;
use std::path::PathBuf;
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
    /// Run eight sources and a worker for each branch on this machine, change persons at the sources, and show each change arrive.
    Demo {
        /// Play the story once, check the final state, and end: exit code 0 if every check passes, otherwise 1.
        #[arg(long)]
        once: bool,
    },
    /// Check format, lints, queries, templates, chart, dependencies, spelling and words. Takes minutes; runs no other tests.
    Check,
    /// Run all tests, then the demo once.
    Test,
    /// Run the checks that take long: documentation, convergence, poolers, rights, chart, instruction counts, image, fuzzing, mutations.
    Nightly {
        /// Run this part only.
        #[arg(long, value_enum)]
        only: Option<checks::NightlyPart>,
    },
    /// Run a local stack with a worker for each branch of a file until Ctrl-C.
    Up {
        /// A coppice.toml. Each address in it that ends in .example is replaced with that of a server on this machine.
        #[arg(long, default_value = "examples/three-sources.toml")]
        file: PathBuf,
    },
    /// List, add or change persons at the simulated identity provider of a running `cargo xtask up`.
    Person {
        #[command(subcommand)]
        command: person::PersonCommand,
    },
    /// Deploy the topology to a running AWS emulator, and print the stack's outputs as values of the chart.
    Stack {
        /// URL of the emulator: http://host:port.
        #[arg(long)]
        endpoint: String,
    },
    /// Run the dependencies of a fleet in a local cluster: AWS emulator, Postgres, simulated providers whose persons change.
    Cluster {
        /// An address of this machine that the cluster's pods can reach, such as that of Docker's bridge.
        #[arg(long)]
        address: Ipv4Addr,
        /// Seconds between two rounds of changes at the simulated providers.
        #[arg(long, default_value = "5", value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// Compare `sso-sync` with other implementations of its job; `bench --help` lists the options.
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments for the benchmark.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Count the instructions of the hot paths, and fail if a count is more than a tenth above or below the stored one.
    Instructions {
        /// Store the counts.
        #[arg(long)]
        renew: bool,
    },
    /// Build the container image, into `target/image`.
    Image(image::ImageArguments),
    /// Take each right of the units' SQL roles away, one at a time, and check that the suite of its unit fails without it.
    Grants {
        /// Try only the rights whose text contains this, for example "person of `coppice_audit`".
        #[arg(default_value = "")]
        matching: String,
    },
    /// Make the listed mistakes in the SQL one after the other, in a copy of the checkout, and check that a test finds each.
    SqlMutants {
        /// Try only the mutations whose file, promise, text or test contains this.
        #[arg(default_value = "")]
        matching: String,
    },
    /// Renew `.sqlx`, the descriptions of all queries. Run it after you change a query or a migration.
    SqlxPrepare {
        /// Change nothing, and fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make what follows from the table of units and from the chart's values: tables, schema, dashboard, sample events, reference of coppice.toml.
    Generate {
        /// Change nothing, and fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make the files of a release, with notes from the changelog fragments, and print the next steps. Pushes nothing.
    Release(release::ReleaseArguments),
    /// Install PostgreSQL, the AWS emulator and the other tools in `.tools`, so that later commands need no network.
    Tools,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Demo { once } => demo::run(once),
        Command::Check => checks::check(),
        Command::Test => checks::test(),
        Command::Nightly { only } => checks::nightly(only),
        Command::Up { file } => up::run(&file),
        Command::Person { command } => person::run(command),
        Command::Stack { endpoint } => stack::run(&endpoint),
        Command::Cluster { address, every } => cluster::run(address, Duration::from_secs(every)),
        Command::Instructions { renew } => instructions::run(renew),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Image(arguments) => image::run(arguments),
        Command::Grants { matching } => grants::run(&matching),
        Command::SqlMutants { matching } => sql_mutants::run(&matching),
        Command::SqlxPrepare { check } => sqlx_prepare::run(check),
        Command::Generate { check } => generate::run(check),
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
