//! The three commands of CI: `check` (minutes), `test` (all tests, then the demo once), `nightly` (checks that take long).
//!
//! `check` and `test` stop at the first step that fails; `nightly` runs every part. Each prints how long each step took.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use local_stack::TEST_POOLER;

use crate::commands::{cargo, install_tools, run_step, tools, workspace};
use crate::{chart, demo, generate, grants, image, instructions, sql_mutants, sqlx_prepare};

const MACHETE: (&str, &str) = ("cargo-machete", "0.9.1");
const MUTANTS: (&str, &str) = ("cargo-mutants", "25.3.1");
const NIGHTLY_SEEDS: &str = "1000";
/// The store's tests, but for two that look at sessions of the server, which are the pooler's; and a worker's bad cases.
const THROUGH_A_POOLER: &str = "(package(postgres-store) - test(hot_statements_read_no_whole_table) \
                                - test(statements_have_a_time_limit_and_migrations_one_for_locks_only)) \
                                + (package(sso-sync) & test(bad_cases))";
const FUZZ_SECONDS: &str = "120";

/// Checks format, lints, queries, templates, chart, dependencies, spelling and words.
///
/// # Errors
/// The step that failed.
pub(crate) fn check() -> anyhow::Result<()> {
    run_step("format", cargo(&["fmt", "--all", "--check"]))?;
    println!("\n── tools");
    install_tools()?;
    run_step("spelling", spelling()?)?;
    run_step("dependencies", dependencies(&["licenses", "bans", "sources"])?)?;
    advisories()?;
    run_step("unused dependencies", unused_dependencies()?)?;
    run_step("CloudFormation templates", cfn_lint()?)?;
    run_step("policies of the CloudFormation templates", checkov()?)?;
    println!("\n── files made from the table of units and the chart's values");
    generate::run(true)?;
    for example in helm_examples()? {
        run_step(&format!("chart with {}", example.display()), helm_lint(&example)?)?;
    }
    println!("\n── queries against the migrations");
    sqlx_prepare::run(true)?;
    run_step(
        "lints",
        cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]),
    )?;
    run_step("words, documents and the fleet's consistency", consistency()?)?;
    println!("\nevery check passed");
    Ok(())
}

/// Runs all tests, then the demo once.
///
/// # Errors
/// The step that failed.
pub(crate) fn test() -> anyhow::Result<()> {
    println!("\n── tools");
    install_tools()?;
    run_step("tests", nextest(&["--workspace"])?)?;
    println!("\n── demo");
    demo::run(true)?;
    println!("\nall tests passed");
    Ok(())
}

/// One part of `cargo xtask nightly`, by the name that `--only` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NightlyPart {
    /// Rustdoc, with every warning an error.
    Documentation,
    /// 1,000 seeds of the convergence test, in 20 forests.
    Convergence,
    /// The store's tests and a worker's bad cases through `PgBouncer`, in session and in transaction mode.
    Poolers,
    /// The suite of each unit, without each right of its SQL role.
    Grants,
    /// Every value of the chart, against three versions of Kubernetes.
    Chart,
    /// The instruction counts of the hot paths.
    Instructions,
    /// The image, built twice and compared.
    Image,
    /// Two minutes of each fuzz target.
    Fuzz,
    /// Mutations of the pure code, and then those of the SQL.
    Mutants,
    /// The listed mutations of the SQL.
    SqlMutants,
}

impl NightlyPart {
    const ALL: [Self; 10] = [
        Self::Documentation,
        Self::Convergence,
        Self::Poolers,
        Self::Grants,
        Self::Chart,
        Self::Instructions,
        Self::Image,
        Self::Fuzz,
        Self::Mutants,
        Self::SqlMutants,
    ];

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Documentation => run_step("documentation", documentation()),
            Self::Convergence => {
                let mut tests = nextest(&["--package", "convergence"])?;
                tests.env("CONVERGENCE_SEEDS", NIGHTLY_SEEDS);
                run_step("convergence", tests)
            }
            Self::Poolers => ["session", "transaction"].into_iter().try_for_each(|mode| {
                let mut tests = nextest(&["--filterset", THROUGH_A_POOLER])?;
                tests.env(TEST_POOLER, mode);
                run_step(&format!("poolers in {mode} mode"), tests)
            }),
            Self::Grants => {
                println!("\n── rights of the SQL roles");
                grants::run("")
            }
            Self::Chart => {
                let mut tests = nextest(&["--package", "helm-chart"])?;
                tests.env("COPPICE_CHART_TESTS", "all");
                run_step("chart, every value and version", tests)
            }
            Self::Instructions => {
                println!("\n── instructions of the hot paths");
                instructions::run(false)
            }
            Self::Image => {
                println!("\n── image");
                image::for_the_night()
            }
            Self::Fuzz => run_step("fuzzing", fuzz()),
            Self::Mutants => run_step("mutations of the pure code", mutants()?),
            Self::SqlMutants => {
                println!("\n── mutations of the SQL");
                sql_mutants::run("")
            }
        }
    }
}

/// Runs the checks that take too long for every change. `only`: this part only.
///
/// # Errors
/// The names of all parts that failed: one failure does not stop the others.
pub(crate) fn nightly(only: Option<NightlyPart>) -> anyhow::Result<()> {
    println!("\n── tools");
    install_tools()?;
    let parts = match only {
        None => NightlyPart::ALL.to_vec(),
        Some(NightlyPart::Mutants) => vec![NightlyPart::Mutants, NightlyPart::SqlMutants],
        Some(part) => vec![part],
    };
    let mut failed = Vec::new();
    for part in parts {
        if let Err(error) = part.run() {
            eprintln!("\n{part:?}: {error:#}");
            failed.push(format!("{part:?}"));
        }
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    println!("\nall nightly checks passed");
    Ok(())
}

/// nextest with all features. It runs each test in its own process. A test that passes only on a second try fails.
fn nextest(selection: &[&str]) -> anyhow::Result<Command> {
    let program = tools()?.cargo_nextest()?;
    let mut command = Command::new(program);
    command.args(["nextest", "run", "--all-features"]).args(selection).current_dir(workspace());
    Ok(command)
}

/// The tests that only read files: names, links, words, and lists of units.
fn consistency() -> anyhow::Result<Command> {
    nextest(&["--package", "fleet-consistency"])
}

fn documentation() -> Command {
    let mut command = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn spelling() -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.typos()?);
    command.arg("--config").arg("_typos.toml").current_dir(workspace());
    Ok(command)
}

fn dependencies(checks: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.cargo_deny()?);
    command.args(["--all-features", "--log-level", "error", "check", "--hide-inclusion-graph"]).args(checks);
    command.current_dir(workspace());
    Ok(command)
}

/// Checks advisories, which come from GitHub. If GitHub cannot be reached, a warning is printed and the check passes. A known
/// advisory fails it.
fn advisories() -> anyhow::Result<()> {
    let mut fetch = Command::new(tools()?.cargo_deny()?);
    fetch.args(["--log-level", "error", "fetch", "db"]).current_dir(workspace());
    let fetched = fetch.output().context("cannot run cargo-deny")?;
    if fetched.status.success() {
        return run_step("advisories", dependencies(&["advisories"])?);
    }
    println!(
        "\n!!!! ADVISORIES WERE NOT CHECKED: cannot fetch the database of advisories from github.com.\n\
         !!!! Before a release, run `cargo xtask check` on a machine that reaches github.com. cargo-deny says:\n!!!! {}",
        String::from_utf8_lossy(&fetched.stderr).lines().next().unwrap_or("nothing")
    );
    Ok(())
}

fn unused_dependencies() -> anyhow::Result<Command> {
    let program = tools()?.from_crates_io(MACHETE.0, MACHETE.1)?;
    let mut command = Command::new(program);
    command.arg(".").current_dir(workspace());
    Ok(command)
}

fn mutants() -> anyhow::Result<Command> {
    let program = tools()?.from_crates_io(MUTANTS.0, MUTANTS.1)?;
    let mut command = Command::new(program);
    command.args(["mutants", "--no-shuffle", "--output", "target/mutants"]).current_dir(workspace());
    Ok(command)
}

fn fuzz() -> Command {
    let mut command = Command::new("fuzz/run");
    command.arg(FUZZ_SECONDS).current_dir(workspace());
    command
}

/// The example values. Together they enable every feature of the chart.
fn helm_examples() -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(chart::folder().join("ci"))?;
    let mut examples: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| Path::new("ci").join(entry.file_name())))
        .collect::<Result<_, _>>()?;
    examples.sort();
    Ok(examples)
}

fn helm_lint(example: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.helm()?);
    command.args(["lint", "--strict", ".", "--values"]).arg(example).current_dir(chart::folder());
    Ok(command)
}

const TEMPLATES: [&str; 2] = ["deploy/cloudformation/coppice.yaml", "deploy/cloudformation/roles.yaml"];

/// checkov's policies that the templates do not meet, with the reason.
const POLICIES_SKIPPED: [(&str, &str); 2] = [
    (
        "CKV_AWS_27",
        "It knows keys only. The queue drill-notices has SSE-SQS; a test of crates/topology demands encryption of every queue.",
    ),
    (
        "CKV_AWS_61",
        "It cannot read a trust policy that is a text with variables, and crashes. A test of crates/topology reads them.",
    ),
];

fn cfn_lint() -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.cfn_lint()?);
    command.args(TEMPLATES).current_dir(workspace());
    Ok(command)
}

fn checkov() -> anyhow::Result<Command> {
    let mut command = Command::new(tools()?.checkov()?);
    command.args(["--framework", "cloudformation", "--skip-download", "--compact", "--quiet"]);
    command.args(["--skip-check", &POLICIES_SKIPPED.map(|(policy, _)| policy).join(",")]);
    command.arg("--file").args(TEMPLATES).current_dir(workspace());
    Ok(command)
}
