//! Takes each right of `migrations/grants.sql` away, one at a time, and checks that the suite of its unit fails without it: a
//! right that no test needs is one too many. In: the file and the checkout. Out: a line for each right.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use fleet::ROLE_PREFIX;
use local_stack::{Postgres, SHARED_SERVER, TEMPLATE, create_template};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::services::BUILT_UNITS;
use tokio::process::Command;
use tokio::task::{JoinSet, LocalSet};

use crate::commands::{cargo, run_step, tools, workspace};

const FILE: &str = "migrations/grants.sql";
/// The store's tests of what several units do in the same way. They fail at once; a unit's own may wait for a minute.
const SHARED: &str = "test(rights::) + test(old_rows_of_every_kind)";
/// Suites at the same time, each with its own server. They mostly wait for what cannot happen without the right.
const AT_ONCE: usize = 4;
/// Without the setup script, which would start a server with every right. The first failure is enough.
const NEXTEST: &str = "[profile.default]\nfail-fast = { max-fail = 1, terminate = \"immediate\" }\n\
                       slow-timeout = { period = \"60s\", terminate-after = 5 }\n";

/// One right: a privilege of one role on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    privilege: String,
    object: String,
    role: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} of {}", self.privilege, self.object, self.role)
    }
}

fn rights(text: &str) -> anyhow::Result<Vec<Right>> {
    let text: String = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
    let mut rights = Vec::new();
    for statement in text.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let parts = statement.strip_prefix("grant ").and_then(|rest| {
            let (privileges, rest) = rest.split_once(" on ")?;
            let (objects, roles) = rest.split_once(" to ")?;
            Some((list(privileges), list(objects), list(roles)))
        });
        let (privileges, objects, roles) = parts.with_context(|| format!("{FILE}: {statement}"))?;
        for role in &roles {
            for object in &objects {
                rights.extend(privileges.iter().map(|privilege| Right {
                    privilege: privilege.clone(),
                    object: object.clone(),
                    role: role.clone(),
                }));
            }
        }
    }
    Ok(rights)
}

/// The names between commas. A privilege may have a list of columns, `select (a, b)`, which belongs to it.
fn list(names: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let parts = names.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(|name| name.trim().to_owned()).collect()
}

/// Tries the rights whose text contains `matching`.
///
/// # Errors
/// When a suite passes without a right.
#[tokio::main]
pub(crate) async fn run(matching: &str) -> anyhow::Result<()> {
    let mut tried = rights(&fs::read_to_string(workspace().join(FILE)).context(FILE)?)?;
    tried.retain(|right| right.to_string().contains(matching));
    ensure!(!tried.is_empty(), "{FILE} has no right that contains {matching:?}");
    let folder = workspace().join("target/grants");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("nextest.toml"), NEXTEST)?;
    run_step("units", cargo(&["build", "--workspace", "--bins", "--all-features", "--quiet"]))?;
    let mut build = Command::new(tools()?.cargo_nextest()?);
    build.args(["nextest", "list", "--all-features", "--workspace", "-E", "none()"]).current_dir(workspace());
    ensure!(build.stdout(Stdio::null()).status().await?.success(), "the tests do not build");
    let (count, waiting) = (tried.len(), Rc::new(RefCell::new(VecDeque::from(tried))));
    let on_this_thread = LocalSet::new();
    let needless = on_this_thread.run_until(async {
        let mut lanes = JoinSet::new();
        for lane in 0..AT_ONCE.min(count) {
            let (waiting, folder) = (Rc::clone(&waiting), folder.clone());
            lanes.spawn_local(async move { try_all(&waiting, &folder, lane).await });
        }
        lanes.join_all().await
    });
    let needless: Vec<String> = needless.await.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    ensure!(
        needless.is_empty(),
        "{} of {count} rights are needed by no test of their unit:\n  {}",
        needless.len(),
        needless.join("\n  ")
    );
    println!("{count} rights: the suite of its unit fails without each");
    Ok(())
}

/// Takes rights from the list until it is empty. Returns those that no test needs.
async fn try_all(
    waiting: &RefCell<VecDeque<Right>>,
    folder: &Path,
    lane: usize,
) -> anyhow::Result<Vec<String>> {
    let server = Postgres::start(&tools()?).await?;
    create_template(&server).await?;
    let mut needless = Vec::new();
    loop {
        let next = waiting.borrow_mut().pop_front();
        let Some(right) = next else { return Ok(needless) };
        let begun = Instant::now();
        let Right { privilege, object, role } = &right;
        execute(&server, format!("revoke {privilege} on {object} from {role}")).await?;
        let unit = role.strip_prefix(ROLE_PREFIX).context("a role of the file")?.replace('_', "-");
        let fails = {
            let suite = Suite { server: &server, folder, log: folder.join(format!("{lane}.txt")) };
            suite.fails(&["--package", "postgres-store", "-E", SHARED]).await?
                || suite.fails(&["--package", &unit]).await?
        };
        execute(&server, format!("grant {privilege} on {object} to {role}")).await?;
        let said = if fails { "needed" } else { "NEEDED BY NO TEST" };
        println!("{said:<18} {right} ({} s)", begun.elapsed().as_secs());
        if !fails {
            needless.push(right.to_string());
        }
    }
}

struct Suite<'a> {
    server: &'a Postgres,
    folder: &'a Path,
    log: PathBuf,
}

impl Suite<'_> {
    async fn fails(&self, selection: &[&str]) -> anyhow::Result<bool> {
        let output = File::create(&self.log)?;
        let mut tests = Command::new(tools()?.cargo_nextest()?);
        tests.args(["nextest", "run", "--all-features"]).args(selection).current_dir(workspace());
        tests.arg("--config-file").arg(self.folder.join("nextest.toml"));
        tests
            .env(SHARED_SERVER, self.server.url("postgres"))
            .env(BUILT_UNITS, workspace().join("target/debug"));
        tests.stdout(output.try_clone()?).stderr(output);
        // https://docs.rs/nextest-metadata/latest/nextest_metadata/enum.NextestExitCode.html
        match tests.status().await.context("cannot run nextest")?.code() {
            Some(0) => Ok(false),
            Some(100) => Ok(true),
            code => bail!("nextest ended with {code:?}: see {}", self.log.display()),
        }
    }
}

async fn execute(server: &Postgres, statement: String) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&server.url(TEMPLATE)).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_columns_belongs_to_its_privilege() {
        let rights = rights("grant select (a, b), insert on t, u to coppice_x;").unwrap();
        let texts: Vec<String> = rights.iter().map(Right::to_string).collect();
        let expected = ["select (a, b) on t of coppice_x", "insert on t of coppice_x"];
        assert_eq!(texts[..2], expected);
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn every_statement_of_the_file_is_understood() {
        let text = fs::read_to_string(workspace().join(FILE)).unwrap();
        let rights = rights(&text).unwrap();
        assert!(rights.len() > 50, "{}", rights.len());
        for unit in fleet::with_sql_role() {
            assert!(rights.iter().any(|right| right.role == unit.sql_role(ROLE_PREFIX)), "{}", unit.name);
        }
        for right in &rights {
            assert!(
                fleet::with_sql_role().any(|unit| unit.sql_role(ROLE_PREFIX) == right.role),
                "{right}: no such unit"
            );
            let twice = rights.iter().filter(|other| *other == right).count();
            assert_eq!(twice, 1, "{right}: granted twice");
        }
    }
}
