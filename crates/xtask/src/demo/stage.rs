//! Where the story plays: all workers, the CRM's events on their way, the operators' tool.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use local_stack::wait_until;
use serde_json::Value;
use testkit::{CrmPump, OPERATORS_TOOL, PATIENCE, WORKERS, Worker, World};

/// Lines of a log that are shown when something goes wrong.
const LAST_LINES: usize = 8;

/// See the module's documentation.
pub(crate) struct Stage<'a> {
    pub(crate) world: &'a World,
    workers: BTreeMap<&'static str, Worker>,
    tool: PathBuf,
    _pump: CrmPump,
}

impl<'a> Stage<'a> {
    /// Starts everything.
    ///
    /// # Errors
    /// When a worker does not get ready.
    pub(crate) async fn set(
        world: &'a World,
        binaries: &BTreeMap<String, PathBuf>,
    ) -> anyhow::Result<Stage<'a>> {
        let binary = |unit: &str| binaries.get(unit).with_context(|| format!("{unit} is built"));
        println!("  AWS endpoint {}   bus {}", world.proxy.endpoint(), world.topology.bus);
        println!("  database     {}", world.database_url());
        let mut workers = BTreeMap::new();
        for unit in WORKERS {
            let binary = binary(unit)?.to_str().context("the path of the checkout is not UTF-8")?;
            let timeouts = ["SSO", "CRM", "IDENTITY"].map(|role| format!("COPPICE_{role}_TIMEOUT_SECS"));
            let settings: Vec<(&str, &str)> = timeouts.iter().map(|name| (name.as_str(), "5")).collect();
            workers.insert(unit, world.spawn_worker(binary, unit, &settings));
        }
        let stage =
            Self { world, workers, tool: binary(OPERATORS_TOOL)?.clone(), _pump: CrmPump::start(world) };
        for (unit, worker) in &stage.workers {
            let ready = async || {
                Ok(worker.get("readyz").await.is_some_and(|(status, _)| status == 200).then_some(()))
            };
            if let Err(error) = wait_until(PATIENCE, &format!("{unit} to be ready"), ready).await {
                stage.print_last_lines();
                return Err(error);
            }
            println!("  worker       {unit:<22} {}/metrics", worker.health_url());
        }
        Ok(stage)
    }

    pub(crate) fn worker(&self, unit: &str) -> &Worker {
        &self.workers[unit]
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values()
    }

    /// Whether every message has been handled, and every announcement published.
    pub(crate) async fn all_is_done(&self) -> anyhow::Result<bool> {
        for unit in WORKERS {
            if self.world.queue_depth(unit).await != (0, 0) {
                return Ok(false);
            }
        }
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.world.pool).await?;
        Ok(waiting == 0)
    }

    /// Runs the operators' tool and shows what it says.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) async fn operate(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let said = self.run_tool(arguments)?;
        for line in said.lines() {
            println!("{}", format!("    {line}").trim_end());
        }
        Ok(())
    }

    /// What the operators' tool says, for a program.
    ///
    /// # Errors
    /// When it fails, or says no JSON.
    pub(crate) fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let arguments = [arguments, &["--json"]].concat();
        Ok(serde_json::from_str(&self.run_tool(&arguments)?)?)
    }

    /// The tool has the environment of a unit, so that it can ask the unit's provider.
    fn run_tool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let environment = self.world.environment("crm-account", 0);
        let output = Command::new(&self.tool).args(arguments).env_clear().envs(environment).output();
        let output = output.context("cannot run coppice")?;
        if !output.status.success() {
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("coppice {}: {out}{err}", arguments.join(" "));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn print_last_lines(&self) {
        for (unit, worker) in &self.workers {
            let log = worker.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            println!("\nlast lines of the log of {unit}:\n{}", last.join("\n"));
        }
    }

    /// Stops every worker as Kubernetes would.
    ///
    /// # Errors
    /// When one does not end with code 0.
    pub(crate) async fn clear(self) -> anyhow::Result<()> {
        for (unit, mut worker) in self.workers {
            match worker.stop().await {
                Some(0) => {}
                code => bail!("{unit} ended with {code:?}:\n{}", worker.log()),
            }
        }
        println!("every worker drained and ended with code 0");
        Ok(())
    }
}
