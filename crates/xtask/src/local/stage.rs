//! The running parts: the sources, a worker for each branch of the file, the ingress, the pumps of the CRMs' events, the jobs
//! and the operators' tool.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use aws_sdk_cloudwatch::types::StateValue;
use config::Config;
use fleet::Kind;
use local_stack::{QueueMetrics, aws_config, free_port, wait_until};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{CrmPump, INGRESS, OPERATORS_TOOL, PATIENCE, Worker, World};
use topology::{Branch, branches};

use super::sources::{HubSpotWebhooks, Ingress, PUBLIC_URL, Sources};

/// Lines of each log that are shown when the demo fails.
const LAST_LINES: usize = 8;

/// The branch in whose environment jobs run.
const OPERATED: &str = "crm-account-salesforce";

pub(crate) struct Stage<'a> {
    pub(crate) world: &'a World,
    pub(crate) sources: Sources,
    pub(crate) ingress: Ingress,
    pub(crate) branches: Vec<Branch>,
    workers: BTreeMap<String, Worker>,
    binaries: &'a BTreeMap<String, PathBuf>,
    folder: TempDir,
    _pumps: (CrmPump, HubSpotWebhooks),
    _alarms: QueueMetrics,
}

impl<'a> Stage<'a> {
    pub(crate) async fn set(
        world: &'a World,
        binaries: &'a BTreeMap<String, PathBuf>,
        file: &str,
    ) -> anyhow::Result<Stage<'a>> {
        println!("  AWS endpoint {}   bus {}", world.proxy.endpoint(), world.topology.bus);
        println!("  database     {}", world.database_url());
        let sources = Sources::start().await;
        let ingress = Ingress { address: format!("127.0.0.1:{}", free_port()?) };
        let config = Config::parse(&sources.file(world, &ingress, file))?;
        let hubspot = ingress.start_hubspot(sources.hubspot.control());
        let mut stage = Self {
            world,
            ingress,
            branches: branches(&config),
            workers: BTreeMap::new(),
            binaries,
            folder: tempfile::tempdir()?,
            _pumps: (CrmPump::start(world), hubspot),
            _alarms: world.start_queue_metrics(),
            sources,
        };
        std::fs::write(stage.file(), stage.sources.file(world, &stage.ingress, file))?;
        println!("  coppice.toml {}: {} sources", stage.file().display(), config.sources().count());
        stage.apply_file().await?;
        stage.start_ingress()?;
        for branch in stage.workers_branches() {
            stage.start(&branch)?;
        }
        if let Err(error) = stage.wait_until_ready().await {
            stage.print_last_lines();
            return Err(error);
        }
        stage.subscribe().await?;
        for (name, worker) in &stage.workers {
            println!("  worker       {name:<30} {}/metrics", worker.health_url());
        }
        Ok(stage)
    }

    /// Has Entra send its changes to the ingress, as the scheduled run for its feed does.
    async fn subscribe(&self) -> anyhow::Result<()> {
        if self.branch("sso-resync-entra").is_ok() {
            self.output("sso-resync-entra", "resync-enqueuer", &["entra", "changes"], 0).await?;
        }
        Ok(())
    }

    /// The file that every unit reads when it starts.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("coppice.toml")
    }

    /// Makes the file the newest version, as an operator or the chart does.
    pub(crate) async fn apply_file(&self) -> anyhow::Result<()> {
        let file = self.file();
        let file = text(&file)?;
        self.operate(&["config", "apply", file, "--author", "xtask", "--yes"]).await
    }

    pub(crate) fn workers_branches(&self) -> Vec<Branch> {
        self.branches.iter().filter(|branch| branch.unit.kind == Kind::Worker).cloned().collect()
    }

    /// The settings of a process beside the world's own, with the developer's secrets for sources of their own.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask has no settings: its environment is the developer's"
    )]
    fn settings(&self, branch: Option<&Branch>) -> anyhow::Result<Vec<(String, String)>> {
        let own = std::env::vars().filter(|(name, _)| name.starts_with("COPPICE_SECRET_"));
        let secrets = self.sources.secrets(self.world).into_iter().map(|(name, it)| (name.to_owned(), it));
        let file = (String::from("COPPICE_CONFIG_FILE"), text(&self.file())?.to_owned());
        let source = branch.map(|branch| (String::from("COPPICE_SOURCE"), branch.source.name.clone()));
        Ok(own.chain(secrets).chain([file]).chain(source).collect())
    }

    fn branch(&self, name: &str) -> anyhow::Result<&Branch> {
        self.branches.iter().find(|branch| branch.name() == name).with_context(|| format!("no branch {name}"))
    }

    /// The environment of a branch, with the SQL role of `unit`.
    pub(crate) fn environment(&self, unit: &str, branch: &str) -> anyhow::Result<Vec<(String, String)>> {
        let settings = self.settings(Some(self.branch(branch)?))?;
        Ok(self.world.environment_with(unit, branch, free_port()?, &borrowed(&settings)))
    }

    /// Starts a branch's worker. If it runs already, it is stopped first, as a rollout does.
    pub(crate) async fn restart(&mut self, branch: &str) -> anyhow::Result<()> {
        if let Some(mut worker) = self.workers.remove(branch) {
            worker.stop().await;
        }
        self.start(&self.branch(branch)?.clone())?;
        self.wait_until_ready().await
    }

    fn start(&mut self, branch: &Branch) -> anyhow::Result<()> {
        let name = branch.name();
        let (binary, settings) = (self.binary(branch.unit.name)?, self.settings(Some(branch))?);
        let worker = self.world.spawn_worker(binary, &name, &borrowed(&settings));
        self.workers.insert(name, worker);
        Ok(())
    }

    fn start_ingress(&mut self) -> anyhow::Result<()> {
        let mut settings = self.settings(None)?;
        let own =
            [("COPPICE_LISTEN_ADDRESS", self.ingress.address.as_str()), ("COPPICE_PUBLIC_URL", PUBLIC_URL)];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let worker = self.world.spawn_worker(self.binary(INGRESS)?, INGRESS, &borrowed(&settings));
        self.workers.insert(INGRESS.to_owned(), worker);
        Ok(())
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        for (name, worker) in &self.workers {
            wait_until(PATIENCE, &format!("{name} to be ready"), async || {
                Ok(worker.get("readyz").await.is_some_and(|(status, _)| status == 200).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    fn binary(&self, unit: &str) -> anyhow::Result<&str> {
        text(self.binaries.get(unit).with_context(|| format!("{unit} is built"))?)
    }

    pub(crate) fn worker(&self, branch: &str) -> &Worker {
        &self.workers[branch]
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = (&String, &Worker)> {
        self.workers.iter()
    }

    /// Whether every message has been handled, and every announcement published.
    pub(crate) async fn all_is_done(&self) -> anyhow::Result<bool> {
        for branch in self.workers_branches() {
            if self.world.queue_depth(&branch.name()).await != (0, 0) {
                return Ok(false);
            }
        }
        let waiting: i64 = sqlx::query_scalar(
            "select (select count(*) from outbox) + (select count(*) from ingress_outbox)",
        )
        .fetch_one(&self.world.pool)
        .await?;
        Ok(waiting == 0)
    }

    pub(crate) async fn operate(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.run_job(OPERATORS_TOOL, arguments, 0).await
    }

    /// Runs a job, or the operators' tool, which must end with `code`, and prints its output.
    pub(crate) async fn run_job(&self, job: &str, arguments: &[&str], code: i32) -> anyhow::Result<()> {
        for line in self.output(OPERATED, job, arguments, code).await?.lines() {
            println!("{}", format!("    {line}").trim_end());
        }
        Ok(())
    }

    /// The output of a job, or of the operators' tool, in the environment of a branch. It must end with `code`.
    pub(crate) async fn output(
        &self,
        branch: &str,
        job: &str,
        arguments: &[&str],
        code: i32,
    ) -> anyhow::Result<String> {
        let mut settings = self.settings(self.branches.iter().find(|one| one.name() == branch))?;
        settings.push((String::from("COPPICE_LOG"), String::from("error")));
        if arguments.starts_with(&["config", "apply"]) {
            // It also writes the view of the persons: the owner's right.
            settings.push((String::from("DATABASE_URL"), self.world.database_url().to_owned()));
        }
        let said = self.world.run_job(self.binary(job)?, branch, arguments, &borrowed(&settings)).await;
        // Standard error has log lines for programs. They matter only if the job fails.
        let command = arguments.join(" ");
        ensure!(
            said.code == Some(code),
            "{job} {command} ended with {:?}:\n{}{}",
            said.code,
            said.out,
            said.err
        );
        Ok(said.out)
    }

    /// Waits until the alarm on a branch's dead-letter queue is on, and returns its name and description.
    pub(crate) async fn alarm_is_on(&self, branch: &str) -> anyhow::Result<String> {
        let alarms = aws_sdk_cloudwatch::Client::new(&aws_config(self.world.emulator_endpoint()));
        let name = format!("{}-{branch}-dlq-depth", self.world.topology.bus);
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
        let arguments = [arguments, &["--json"]].concat();
        Ok(serde_json::from_str(&self.output(OPERATED, OPERATORS_TOOL, &arguments, 0).await?)?)
    }

    pub(crate) fn print_last_lines(&self) {
        for (name, worker) in &self.workers {
            let log = worker.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            println!("\nlast lines of the log of {name}:\n{}", last.join("\n"));
        }
    }

    /// Stops every worker as Kubernetes would; each must end with code 0.
    pub(crate) async fn clear(self) -> anyhow::Result<()> {
        for (name, mut worker) in self.workers {
            match worker.stop().await {
                Some(0) => {}
                code => bail!("{name} ended with {code:?}:\n{}", worker.log()),
            }
        }
        println!("every worker drained and ended with code 0");
        Ok(())
    }
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path of the demo is not UTF-8")
}
