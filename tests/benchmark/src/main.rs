//! Runs Coppice's `sso-sync` and other implementations of the same job, one after the other, on this machine, and compares them.
//!
//! In: the release binaries beside this one, the peers in `peers/`. Out: a table, and files if an option asks for them; exit
//! code 1 if a contestant's result is wrong. `docs/measurements/2026-11-27-benchmark.md` says what is measured and how.
//!
//! Its modules: `contestant` (the implementations), `services` (database, queue, bus and provider of one run), `run` (one
//! measurement), `growth` (`sso-sync` at several sizes), `processes` (CPU and memory from `/proc`), `statements` (work of the
//! database), `outcome` (faults in the result), `figures` (medians and ratios), `report`, `plot` and `documents` (output).

mod contestant;
mod documents;
mod figures;
mod growth;
mod machine;
mod outcome;
mod plot;
mod processes;
mod report;
mod run;
mod services;
mod statements;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use local_stack::Tools;
use serde_json::{Value, json};

use contestant::Contestant;
use growth::Growth;
use machine::Machine;
use report::Report;
use run::{Load, Run};

/// Persons in the database before a comparison. Without them, PostgreSQL would plan with tables that were never analysed; a
/// deployment has such tables only in its first minute.
const RESIDENTS: u64 = 10_000;

/// Compare sso-sync with other implementations of its job.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Rounds: in each, every contestant runs once.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Persons, and so messages of each of the two phases of a run.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    messages: u32,
    /// Contestants to measure. Default: all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Contestant>,
    /// Persons in the database before the run. Measures only sso-sync, at each of these sizes, combined with those of
    /// --waiting and --batches.
    #[arg(long, value_delimiter = ',')]
    persons: Vec<u64>,
    /// Messages that wait at once, instead of --messages.
    #[arg(long, value_delimiter = ',')]
    waiting: Vec<usize>,
    /// Batches of ten messages that sso-sync may have in flight, and refetch at once, instead of its defaults.
    #[arg(long, value_delimiter = ',')]
    batches: Vec<usize>,
    /// Print what PostgreSQL did for sso-sync, or for those of --only, by statement, in one run at each size.
    #[arg(long)]
    statements: bool,
    /// Write all figures of all runs to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the results into docs/measurements/2026-11-27-benchmark.md.
    #[arg(long)]
    write_docs: bool,
}

impl Arguments {
    fn load(&self) -> anyhow::Result<Load> {
        let messages = usize::try_from(self.messages)?;
        Ok(Load { messages, persons: RESIDENTS, batches: None, statements: self.statements })
    }

    /// Each number of persons with each number of messages and of batches.
    fn sizes(&self) -> anyhow::Result<Vec<Load>> {
        let usual = self.load()?;
        let or_usual = |given: &[usize], usual| if given.is_empty() { vec![usual] } else { given.to_vec() };
        let waiting = or_usual(&self.waiting, usual.messages);
        let persons = if self.persons.is_empty() { vec![usual.persons] } else { self.persons.clone() };
        let batches: Vec<Option<usize>> = match self.batches.as_slice() {
            [] => vec![None],
            some => some.iter().copied().map(Some).collect(),
        };
        let mut sizes = Vec::new();
        for persons in persons {
            for messages in &waiting {
                sizes.extend(batches.iter().map(|batches| Load {
                    messages: *messages,
                    persons,
                    batches: *batches,
                    ..usual
                }));
            }
        }
        Ok(sizes)
    }

    /// The dimension with the most sizes, if there is one. It names the section in the document, and the plot.
    fn growing(&self) -> Option<&'static str> {
        let given = [
            ("persons", self.persons.len()),
            ("waiting", self.waiting.len()),
            ("batches", self.batches.len()),
        ];
        given
            .into_iter()
            .max_by_key(|(_, sizes)| *sizes)
            .filter(|(_, sizes)| *sizes > 0)
            .map(|(name, _)| name)
    }
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("\nerror: the result of a contestant is wrong: see the faults above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures. Returns whether every contestant's result is right.
///
/// Two threads, because the smallest machine has two cores. They serve the queue and the provider, which mostly wait.
#[tokio::main(worker_threads = 2)]
async fn measure(arguments: &Arguments) -> anyhow::Result<bool> {
    let tools = Tools::locate_or_install(|line| println!("{line}"))?;
    match arguments.growing() {
        _ if arguments.statements => measure_statements(arguments, &tools).await,
        Some(growing) => measure_growth(arguments, growing, &tools).await,
        None => compare(arguments, &tools).await,
    }
}

async fn measure_growth(arguments: &Arguments, growing: &str, tools: &Tools) -> anyhow::Result<bool> {
    let launch = Contestant::SsoSync.launch(tools)?;
    let growth = Growth::measure(arguments.sizes()?, arguments.rounds, &launch, tools).await;
    println!("\n{}", growth.table());
    keep_plot(&format!("growth-{growing}.svg"), &plot::growth(&growth))?;
    if let Some(file) = &arguments.json {
        write_json(file, &growth.to_json())?;
    }
    if arguments.write_docs {
        documents::write(&document(), growing, &growth.table())?;
    }
    Ok(growth.all_did_their_job())
}

/// Measures the statements of each contestant, at each size. The document gets those of `sso-sync`.
async fn measure_statements(arguments: &Arguments, tools: &Tools) -> anyhow::Result<bool> {
    let chosen = if arguments.only.is_empty() { &[Contestant::SsoSync][..] } else { &arguments.only };
    let (mut runs, mut ours) = (Vec::new(), Vec::new());
    for contestant in chosen {
        let launch = contestant.launch(tools)?;
        for load in arguments.sizes()? {
            let run = run::run(*contestant, &launch, load, tools).await;
            println!("{load}: {run}");
            if let Some(figures) = &run.figures {
                let messages = figures.creations.messages + figures.changes.messages;
                let table = statements::table(&figures.statements, messages);
                println!("\n{table}\n");
                if contestant.is_ours() {
                    ours.push(format!("{load}:\n\n{table}"));
                }
            }
            runs.push(run);
        }
    }
    if let Some(file) = &arguments.json {
        write_json(file, &json!({ "runs": runs }))?;
    }
    if arguments.write_docs {
        documents::write(&document(), "statements", &ours.join("\n\n"))?;
    }
    Ok(runs.iter().all(|run| run.faults.is_empty()))
}

async fn compare(arguments: &Arguments, tools: &Tools) -> anyhow::Result<bool> {
    let all = Contestant::ALL;
    let chosen = if arguments.only.is_empty() { all.as_slice() } else { arguments.only.as_slice() };
    let mut present = Vec::new();
    let mut missing = Vec::new();
    for contestant in chosen {
        match contestant.launch(tools) {
            Ok(launch) => present.push((*contestant, launch)),
            Err(error) => {
                eprintln!("{contestant} is not measured: {error:#}");
                missing.push((*contestant, format!("{error:#}")));
            }
        }
    }
    let machine = Machine::look(tools, &present)?;
    println!("{machine}\n");
    let load = arguments.load()?;
    let mut runs: Vec<(u16, Run)> = Vec::new();
    for round in 1..=arguments.rounds {
        for (contestant, launch) in &present {
            let run = run::run(*contestant, launch, load, tools).await;
            println!("round {round}: {run}");
            runs.push((round, run));
        }
    }
    let report = Report { machine, rounds: arguments.rounds, load, runs, missing };
    println!("\n{}\n\n{}", report.table(), report.targets());
    keep_plot("comparison.svg", &plot::comparison(&report))?;
    if let Some(file) = &arguments.json {
        write_json(file, &report.to_json())?;
    }
    if arguments.write_docs {
        documents::write(&document(), "results", &documents::results(&report))?;
    }
    Ok(report.all_did_their_job())
}

fn write_json(file: &Path, figures: &Value) -> anyhow::Result<()> {
    fs::write(file, serde_json::to_vec_pretty(figures)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn keep_plot(name: &str, svg: &str) -> anyhow::Result<()> {
    let folder = workspace().join("target/bench");
    fs::create_dir_all(&folder).context("cannot make target/bench")?;
    fs::write(folder.join(name), svg)?;
    println!("\nplot: target/bench/{name}");
    Ok(())
}

fn document() -> PathBuf {
    workspace().join("docs/measurements/2026-11-27-benchmark.md")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
