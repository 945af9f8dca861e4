//! Mutations of the SQL: mistakes that a person could make in a query or a migration, one for each entry of
//! `crates/postgres-store/tests/mutations.yaml`. The tests that an entry names must fail with its mistake. cargo-mutants does
//! not change the text of a query. In: the list and the checkout, which stays as it is. Out: a line for each mutation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use local_stack::{Postgres, SHARED_SERVER, TEMPLATE};
use serde::Deserialize;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use crate::commands::{tools, workspace};

const LIST: &str = "crates/postgres-store/tests/mutations.yaml";
const PACKAGE: &str = "postgres-store";
/// The database that describes the queries to sqlx's macros: Postgres copies no template to which a client is connected.
const DESCRIBING: &str = "sql_mutants";
/// Environment variable with the folder of programs, for the tests that start a server.
const TOOLS_DIR: &str = "COPPICE_TOOLS_DIR";
/// Without the setup script, which builds every unit. Some mutations make a test wait until it is ended.
const NEXTEST: &str =
    "[profile.default]\nfail-fast = true\nslow-timeout = { period = \"60s\", terminate-after = 3 }\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    file: String,
    /// The promise that it breaks.
    breaks: String,
    /// Exact text that occurs once in the file.
    find: String,
    put: String,
    /// Names of the package's integration tests, at least one of which must fail.
    tests: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Caught,
    Missed,
    DoesNotCompile,
    NotFound,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Caught => "caught",
            Self::Missed => "MISSED",
            Self::DoesNotCompile => "does not compile",
            Self::NotFound => "text not found",
        })
    }
}

/// Tries the mutations whose file, promise, text or test contains `matching`.
///
/// # Errors
/// When a test is missing or fails without a mutation, and when a mutation is not caught.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(matching: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(workspace().join(LIST)).context(LIST)?;
    let mut mutations: Vec<Mutation> = serde_saphyr::from_str(&text).context(LIST)?;
    mutations.retain(|one| {
        let texts = [&one.file, &one.breaks, &one.find, &one.put];
        texts.into_iter().chain(&one.tests).any(|text| text.contains(matching))
    });
    ensure!(!mutations.is_empty(), "{LIST} has no mutation that contains {matching:?}");
    let copy = Copy::make()?;
    let begun = Instant::now();
    copy.pass_unmutated(&mutations).await?;
    println!("without a mutation, every named test passes ({} s)", begun.elapsed().as_secs());
    let mut counts = BTreeMap::new();
    for (number, mutation) in (1..).zip(&mutations) {
        let begun = Instant::now();
        let log = copy.folder.join(format!("log/{number}.txt"));
        let outcome = copy.attempt(mutation, &log).await?;
        let Mutation { file, breaks, .. } = mutation;
        println!("{outcome:<16} {number:>3} {file}: {breaks} ({} s)", begun.elapsed().as_secs());
        *counts.entry(outcome).or_insert(0) += 1;
    }
    let summary: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    println!("{} mutations: {}", mutations.len(), summary.join(", "));
    let caught = counts.get(&Outcome::Caught) == Some(&mutations.len());
    ensure!(caught, "a mutation was not caught: see the logs in {}", copy.folder.join("log").display());
    Ok(())
}

/// A copy of the checkout, because a developer works in the checkout meanwhile.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn make() -> anyhow::Result<Self> {
        let copy = Self { folder: workspace().join("target/sql-mutants") };
        // The build stays: only the workspace's own crates are compiled again.
        for part in [copy.source(), copy.folder.join("log")] {
            if part.exists() {
                fs::remove_dir_all(&part)?;
            }
            fs::create_dir_all(part)?;
        }
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(workspace());
        let listed = list.output().context("cannot run git")?;
        ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr).trim());
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (workspace().join(name), copy.source().join(name));
            // A deleted file is listed until the deletion is committed.
            if from.exists() {
                fs::create_dir_all(to.parent().context("a file has a folder")?)?;
                fs::copy(&from, &to).with_context(|| format!("cannot copy {name}"))?;
            }
        }
        fs::write(copy.source().join(".config/nextest.toml"), NEXTEST)?;
        Ok(copy)
    }

    fn source(&self) -> PathBuf {
        self.folder.join("copy")
    }

    async fn pass_unmutated(&self, mutations: &[Mutation]) -> anyhow::Result<()> {
        let tests: BTreeSet<&String> = mutations.iter().flat_map(|mutation| &mutation.tests).collect();
        let server = Postgres::start(&tools()?).await?;
        self.migrate(&server).await?;
        let listed = self.nextest("list", tests.iter().copied(), &server)?.output()?;
        ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr).trim());
        let listed = String::from_utf8(listed.stdout)?;
        let found: BTreeSet<&str> = listed.split_whitespace().collect();
        let missing: Vec<_> = tests.iter().filter(|test| !found.contains(test.as_str())).collect();
        ensure!(missing.is_empty(), "{LIST} names tests that do not exist: {missing:?}");
        let log = self.folder.join("log/unmutated.txt");
        let passed = log_to(self.nextest("run", tests.into_iter(), &server)?, &log)?.status()?.success();
        ensure!(passed, "a named test fails without a mutation: see {}", log.display());
        Ok(())
    }

    async fn attempt(&self, mutation: &Mutation, log: &Path) -> anyhow::Result<Outcome> {
        let file = self.source().join(&mutation.file);
        let text = fs::read_to_string(&file).with_context(|| mutation.file.clone())?;
        if text.matches(&mutation.find).count() != 1 {
            return Ok(Outcome::NotFound);
        }
        fs::write(&file, text.replace(&mutation.find, &mutation.put))?;
        let server = Postgres::start(&tools()?).await?;
        let outcome = match self.migrate(&server).await {
            Ok(()) => self.test(mutation, &server, log)?,
            Err(error) => {
                fs::write(log, format!("{error:#}\n"))?;
                Outcome::DoesNotCompile
            }
        };
        fs::write(&file, text)?;
        Ok(outcome)
    }

    fn test(&self, mutation: &Mutation, server: &Postgres, log: &Path) -> anyhow::Result<Outcome> {
        let mut tests = log_to(self.nextest("run", mutation.tests.iter(), server)?, log)?;
        // https://docs.rs/nextest-metadata/latest/nextest_metadata/enum.NextestExitCode.html
        match tests.status().context("cannot run nextest")?.code() {
            Some(0) => Ok(Outcome::Missed),
            Some(100) => Ok(Outcome::Caught),
            Some(101) => Ok(Outcome::DoesNotCompile),
            code => bail!("nextest ended with {code:?}: see {}", log.display()),
        }
    }

    async fn migrate(&self, server: &Postgres) -> anyhow::Result<()> {
        for database in [TEMPLATE, DESCRIBING] {
            let mut connection = PgConnection::connect(&server.create_database(database).await?).await?;
            Migrator::new(self.source().join("migrations")).await?.run(&mut connection).await?;
            connection.close().await?;
        }
        Ok(())
    }

    fn nextest<'a>(
        &self,
        action: &str,
        tests: impl Iterator<Item = &'a String>,
        server: &Postgres,
    ) -> anyhow::Result<Command> {
        let tests: Vec<String> = tests.map(|test| format!("test(={test})")).collect();
        let mut command = Command::new(tools()?.cargo_nextest()?);
        command.args(["nextest", action, "--package", PACKAGE, "--test", "it", "-E", &tests.join(" | ")]);
        command.current_dir(self.source()).env("CARGO_TARGET_DIR", self.folder.join("build"));
        // A changed query has no description in .sqlx.
        command.env("SQLX_OFFLINE", "false").env("DATABASE_URL", server.url(DESCRIBING));
        command.env(SHARED_SERVER, server.url("postgres"));
        if std::env::var_os(TOOLS_DIR).is_none() {
            command.env(TOOLS_DIR, workspace().join(".tools"));
        }
        Ok(command)
    }
}

fn log_to(mut command: Command, log: &Path) -> anyhow::Result<Command> {
    let output = File::create(log)?;
    command.stdout(output.try_clone()?).stderr(output);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that has not followed its code says nothing of it. The whole run takes too long to notice that with every change.
    #[test]
    fn every_mutation_s_text_occurs_once_and_its_tests_exist() {
        let text = fs::read_to_string(workspace().join(LIST)).unwrap();
        let mutations: Vec<Mutation> = serde_saphyr::from_str(&text).unwrap();
        let tests = workspace().join("crates/postgres-store/tests/it");
        for Mutation { file, find, tests: named, .. } in &mutations {
            let source =
                fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(source.matches(find.as_str()).count(), 1, "{file}: {find:?}");
            for test in named {
                let (module, name) = test.split_once("::").unwrap();
                let module = fs::read_to_string(tests.join(format!("{module}.rs"))).unwrap();
                assert!(module.contains(&format!("fn {name}(")), "{test}");
            }
        }
    }
}
