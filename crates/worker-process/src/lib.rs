//! What every worker binary does around its handler. A worker's `main` is one call of [`run`].
//!
//! It reads the settings (exit code 2 if any is missing or wrong), answers `/livez`, `/readyz` and `/metrics`, checks the
//! dependencies (code 1 if one fails), runs the consumer loop and the relay, and drains both on SIGTERM or SIGINT. It must not
//! know any worker, provider or event.

mod database;
mod handed_over;
mod health;
mod heartbeats;
mod ledger;
#[cfg(feature = "test-support")]
pub mod panicking;
mod relay;
mod settings;
mod signals;
mod turns;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use ::settings::{Reader, Settings, SettingsError};
use anyhow::Context;
use config::{Config, SourceConfig};
use connectors::Source;
use event_bus::{EventBridgeBus, EventBus};
use postgres_store::Store;
use sqs_queue::{Queue, SqsQueue};
use tokio_util::sync::CancellationToken;
use worker_runtime::{Handler, Liveness, Mode, Options, Report, Runtime};

pub use database::check_database;
pub use handed_over::read_handed_over;
pub use heartbeats::HeartbeatQueue;
pub use ledger::PostgresLedger;
pub use relay::{
    LONGEST_RELAY_TURN, Outbox, OutboxMetrics, Published, RELAY_DRAIN_LIMIT, publish, run as run_relay,
};
pub use settings::{
    BUS_NAME, CONNECTIONS, DATABASE_URL, DRAIN_LIMIT, HEALTH_ADDRESS, LOG, ProcessSettings, SOURCE,
    work_drain_limit,
};
pub use signals::{cancel_on_termination, log_panics_without_their_message};
pub use turns::Turns;

use health::WorkerHealth;

const START_LIMIT: Duration = Duration::from_secs(60);

const SHUTDOWN_LIMIT: Duration = Duration::from_millis(500);

/// Longest that one step of a worker's handler may take.
pub const STEP_LIMIT: Duration = Duration::from_secs(30);

/// What differs between worker binaries.
pub trait Worker {
    /// The consumer's four steps.
    type Handler: Handler;
    /// One line for `--help`.
    const ABOUT: &'static str;

    /// Makes the handler of a branch: of this unit for one source.
    ///
    /// # Errors
    /// When the unit does not work on such a source.
    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler>;
}

/// The whole of a worker's `main`. `version` is the binary's own.
pub fn run<W: Worker>(mode: Mode, version: &'static str) -> ExitCode {
    clap::Command::new(W::Handler::NAME)
        .about(W::ABOUT)
        .version(version)
        .after_long_help(::settings::describe(ProcessSettings::ALL))
        .after_help("--help lists the settings, which are environment variables")
        .get_matches();
    let (process, source) = match read_settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{}: {error}", W::Handler::NAME);
            return ExitCode::from(2);
        }
    };
    // Two threads: a worker waits far more than it computes, and each thread costs memory in every pod.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let ended = runtime.block_on(work::<W>(mode, version, process, source));
        // A look-up of a name in DNS cannot be aborted, and takes long when the network is gone.
        runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("worker ended: {error:#}");
            eprintln!("{}: {error:#}", W::Handler::NAME);
            ExitCode::FAILURE
        }
    }
}

fn read_settings() -> Result<(ProcessSettings, Source), SettingsError> {
    let reader = Reader::from_environment();
    let process: ProcessSettings = reader.load()?;
    let source = process.source.connect(&reader)?;
    Ok((process, source))
}

async fn work<W: Worker>(
    mode: Mode,
    version: &'static str,
    process: ProcessSettings,
    source: Source,
) -> anyhow::Result<()> {
    telemetry::start_logs(&process.log_filter).context("COPPICE_LOG")?;
    log_panics_without_their_message();
    let stop = CancellationToken::new();
    cancel_on_termination(stop.clone())?;
    let consumer = Consumer { mode, version, step_limit: STEP_LIMIT, process };
    let handler = |store: Store| {
        read_handed_over(&source, &store);
        W::handler(source, store)
    };
    consumer.run(handler, stop).await.map(drop)
}

/// What a consuming process does between its start and its end, without logs and signals: a job has its own.
#[derive(Debug)]
pub struct Consumer {
    /// When it ends without being stopped.
    pub mode: Mode,
    /// The binary's own version.
    pub version: &'static str,
    /// Longest that one step of the handler may take.
    pub step_limit: Duration,
    /// The shared settings.
    pub process: ProcessSettings,
}

impl Consumer {
    /// Connects, checks its dependencies, and consumes until the mode's end or until `stop`, under the handler's name.
    ///
    /// # Errors
    /// A dependency that fails its check, or what ended the loop.
    pub async fn run<H: Handler>(
        self,
        handler: impl FnOnce(Store) -> anyhow::Result<H>,
        stop: CancellationToken,
    ) -> anyhow::Result<Report> {
        let drain_limit = self.process.drain_limit;
        within_drain_limit(self.consume(handler, stop.clone()), &stop, drain_limit).await
    }

    async fn consume<H: Handler>(
        self,
        handler: impl FnOnce(Store) -> anyhow::Result<H>,
        stop: CancellationToken,
    ) -> anyhow::Result<Report> {
        let Self { mode, version, step_limit, process } = self;
        let branch = format!("{}-{}", H::NAME, process.source.name);
        let metrics = telemetry::start_metrics(H::NAME)?;
        let listener = telemetry::listen(process.health_address).with_context(|| {
            format!("cannot listen on {} for /livez and /metrics", process.health_address)
        })?;

        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let queue = SqsQueue::connect(&config, &process.queue_url);
        let dead_letters = SqsQueue::connect(&config, &process.dlq_url);
        let bus = EventBridgeBus::connect(&config, &process.bus_name);
        let store = Store::open(&process.database_url, process.database_connections)?
            .with_policy(process.config.policy().clone());
        let checks = tokio::time::timeout(START_LIMIT, async {
            check_dependencies(&store, &queue, &dead_letters, &bus).await?;
            check_config(&store, &process.config).await.context("coppice.toml (COPPICE_CONFIG)")?;
            queue.visibility_timeout().await.context("queue (COPPICE_QUEUE_URL)")
        });
        let visibility_timeout = tokio::select! {
            checked = checks => checked.context("checks at start took too long")??,
            // Nothing is in flight.
            () = stop.cancelled() => return Ok(Report::default()),
        };
        let options = Options { step_limit, ..process.options(version, visibility_timeout) };
        let (liveness, turns) = (Liveness::default(), Turns::default());
        let health = WorkerHealth::new(
            liveness.clone(),
            turns.clone(),
            store.clone(),
            queue.clone(),
            dead_letters.clone(),
            bus.clone(),
        );
        let serving = tokio::spawn(telemetry::serve_health(listener, health, metrics));
        // Not `stop`: the relay publishes until the loop has ended.
        let relay_stop = CancellationToken::new();
        let outbox = relay::Announcements { store: store.clone(), bus };
        let relaying = tokio::spawn(run_relay(outbox, turns, relay_stop.clone()));

        tracing::info!(worker = H::NAME, source = process.source.name, version, "worker started");
        // By the branch, as its queue is named: an operator looks there for the failures of a message.
        let ledger = PostgresLedger::new(store.clone(), branch, version);
        let handler = handler(store.clone())?;
        // The dead-letter queue is only sent to. It is wrapped as well so that both are of one type.
        let [queue, dead_letters] =
            [queue, dead_letters].map(|queue| HeartbeatQueue::new(queue, store.clone()));
        let report =
            Runtime::new(handler, queue, dead_letters, ledger, options, liveness).run(mode, stop).await;
        relay_stop.cancel();
        relaying.await.context("relay")?;
        serving.abort();
        store.close().await;
        // Only now: the relay has ended and the store is closed, even if the loop failed.
        let report = report?;
        let Report { outcomes, dead_lettered } = &report;
        tracing::info!(?outcomes, dead_lettered, "worker stopped");
        Ok(report)
    }
}

/// Ends the work `drain_limit` after `stop`, if a wait has no limit of its own. Then the queue returns its messages, and another
/// process publishes its announcements.
async fn within_drain_limit<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    stop: &CancellationToken,
    drain_limit: Duration,
) -> anyhow::Result<T> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain_limit).await;
    };
    tokio::select! {
        ended = work => ended,
        () = late => anyhow::bail!("did not stop within {} s", drain_limit.as_secs()),
    }
}

async fn check_dependencies(
    store: &Store,
    queue: &SqsQueue,
    dead_letters: &SqsQueue,
    bus: &EventBridgeBus,
) -> anyhow::Result<()> {
    // Without one of them, work would be lost or could not be announced.
    check_database(store).await.context("database (DATABASE_URL)")?;
    queue.depth().await.context("queue (COPPICE_QUEUE_URL)")?;
    dead_letters.depth().await.context("dead-letter queue (COPPICE_DLQ_URL)")?;
    bus.verify().await.context("event bus (COPPICE_BUS_NAME)")?;
    Ok(())
}

/// Goes on by the newest version of the file. Which sources there are is read from the own file, so both have to agree on it.
async fn check_config(store: &Store, own: &Config) -> anyhow::Result<()> {
    let active = store.active_config().await?;
    let active = active.context("no version was applied to the database yet: run `coppice config apply`")?;
    let declared =
        |source: &SourceConfig| format!("{} ({}, {})", source.name, source.role, source.connector.name);
    let own: BTreeSet<String> = own.sources().map(declared).collect();
    let applied = active.file.sources.iter();
    let applied: BTreeSet<String> =
        applied.map(|(name, source)| format!("{name} ({}, {})", source.role, source.connector)).collect();
    let differing: Vec<&str> = own.symmetric_difference(&applied).map(String::as_str).collect();
    anyhow::ensure!(
        differing.is_empty(),
        "version {} of the database has other sources than this file; they differ in {}: apply this file, or give this unit \
         the file that was applied",
        active.version,
        differing.join(", ")
    );
    store.read_rules().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_waits_for_ever_ends_at_the_drain_limit_and_not_before_a_stop() {
        let (stop, limit) = (CancellationToken::new(), Duration::from_secs(25));
        let endless = || within_drain_limit(std::future::pending::<anyhow::Result<()>>(), &stop, limit);
        assert!(tokio::time::timeout(100 * limit, endless()).await.is_err(), "nothing asks for a stop");
        stop.cancel();
        let ended = tokio::time::timeout(limit + Duration::from_secs(1), endless()).await;
        assert_eq!(ended.unwrap().unwrap_err().to_string(), "did not stop within 25 s");
        let done = within_drain_limit(std::future::ready(Ok(7)), &stop, limit).await;
        assert_eq!(done.unwrap(), 7);
    }
}
