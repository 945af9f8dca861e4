//! The parts of the demo: all workers, the pump of the CRM's events, the jobs and the operators' tool.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use aws_sdk_cloudwatch::types::StateValue;
use local_stack::{QueueMetrics, aws_config, wait_until};
use serde_json::Value;
use testkit::{CrmPump, OPERATORS_TOOL, PATIENCE, Worker, World};

/// Lines of each log that are shown when the demo fails.
const LAST_LINES: usize = 8;

pub(crate) struct Stage<'a> {
    pub(crate) world: &'a World,
    workers: BTreeMap<&'static str, Worker>,
    binaries: &'a BTreeMap<String, PathBuf>,
    _pump: CrmPump,
    _alarms: QueueMetrics,
}

impl<'a> Stage<'a> {
    pub(crate) async fn set(
        world: &'a World,
        binaries: &'a BTreeMap<String, PathBuf>,
    ) -> anyhow::Result<Stage<'a>> {
        let binary = |unit: &str| binaries.get(unit).with_context(|| format!("{unit} is built"));
        println!("  AWS endpoint {}   bus {}", world.proxy.endpoint(), world.topology.bus);
        println!("  database     {}", world.database_url());
        let mut workers = BTreeMap::new();
        for unit in testkit::workers() {
            let binary = binary(unit)?.to_str().context("the path of the checkout is not UTF-8")?;
            let timeouts =
                ["auth0", "salesforce", "stripe"].map(|name| format!("sources.{name}.timeout_secs"));
            let settings: Vec<(&str, &str)> = timeouts.iter().map(|name| (name.as_str(), "5")).collect();
            workers.insert(unit, world.spawn_worker(binary, unit, &settings));
        }
        let (_pump, _alarms) = (CrmPump::start(world), world.start_queue_metrics());
        let stage = Self { world, workers, binaries, _pump, _alarms };
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
        for unit in testkit::workers() {
            if self.world.queue_depth(unit).await != (0, 0) {
                return Ok(false);
            }
        }
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.world.pool).await?;
        Ok(waiting == 0)
    }

    pub(crate) async fn operate(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.run_job(OPERATORS_TOOL, arguments, 0).await
    }

    /// Runs a job, or the operators' tool, which must end with `code`, and prints its output.
    pub(crate) async fn run_job(&self, job: &str, arguments: &[&str], code: i32) -> anyhow::Result<()> {
        let binary = self.binaries.get(job).with_context(|| format!("{job} is built"))?;
        let binary = binary.to_str().context("the path of the checkout is not UTF-8")?;
        // The environment of a unit, so that it can ask the unit's provider.
        let said = self.world.run_job(binary, "crm-account", arguments, &[("COPPICE_LOG", "error")]).await;
        for line in said.out.lines() {
            println!("{}", format!("    {line}").trim_end());
        }
        // Standard error has log lines for programs. They matter only if the job fails.
        let command = arguments.join(" ");
        ensure!(said.code == Some(code), "{job} {command} ended with {:?}:\n{}", said.code, said.err);
        Ok(())
    }

    /// Waits until the alarm on a unit's dead-letter queue is on, and returns its name and description.
    pub(crate) async fn alarm_is_on(&self, unit: &str) -> anyhow::Result<String> {
        let alarms = aws_sdk_cloudwatch::Client::new(&aws_config(self.world.emulator_endpoint()));
        let name = format!("{}-{unit}-dlq-depth", self.world.topology.bus);
        wait_until(PATIENCE, "the alarm to go on", async || {
            let reply = alarms.describe_alarms().alarm_names(&name).send().await?;
            let alarm = reply.metric_alarms().first();
            let on = alarm.filter(|alarm| alarm.state_value() == Some(&StateValue::Alarm));
            Ok(on.map(|alarm| format!("{name} is on: {}", alarm.alarm_description().unwrap_or_default())))
        })
        .await
    }

    /// Runs the operators' tool with `--json`, and returns its report.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let binary = self.binaries.get(OPERATORS_TOOL).and_then(|path| path.to_str());
        let binary = binary.with_context(|| format!("{OPERATORS_TOOL} is built"))?;
        let arguments = [arguments, &["--json"]].concat();
        let said = self.world.run_job(binary, "crm-account", &arguments, &[]).await;
        ensure!(said.code == Some(0), "{OPERATORS_TOOL}: {}", said.err);
        Ok(serde_json::from_str(&said.out)?)
    }

    pub(crate) fn print_last_lines(&self) {
        for (unit, worker) in &self.workers {
            let log = worker.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            println!("\nlast lines of the log of {unit}:\n{}", last.join("\n"));
        }
    }

    /// Stops every worker as Kubernetes would; each must end with code 0.
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
