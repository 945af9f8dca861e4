#![doc = include_str!("../README.md")]

mod connections;
mod events;
mod form;
mod health;
mod intake;
mod rate;
mod records;
mod relay;
mod reply;
mod server;
mod settings;

use std::process::ExitCode;
use std::time::Duration;

use ::settings::{Reader, SettingsError};
use anyhow::Context;
use event_bus::{EventBridgeBus, EventBus};
use postgres_store::Store;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use worker_process::{Turns, check_database, work_drain_limit};

pub use intake::Intake;
pub use server::router;
pub use settings::IngressSettings;

use connections::ConnectionLimits;
use health::IngressHealth;
use settings::Settings;

/// The unit's name.
pub const NAME: &str = "webhook-ingress";

/// Longest that the checks at start may take together.
const START_LIMIT: Duration = Duration::from_secs(60);

const SHUTDOWN_LIMIT: Duration = Duration::from_millis(500);

/// What the unit depends on.
#[derive(Debug)]
pub struct Dependencies {
    /// Where Postgres is.
    pub database_url: SecretString,
    /// The bus.
    pub bus_name: String,
}

/// Reads all of the unit's settings, as the unit does at its start, so that an operator can check a deployment in advance.
///
/// # Errors
/// [`SettingsError`] with every setting that is missing or wrong, including the sources' secrets.
pub fn read_dependencies(reader: &Reader) -> Result<Dependencies, SettingsError> {
    let Settings { database_url, bus_name, .. } = reader.load()?;
    Ok(Dependencies { database_url, bus_name })
}

/// The whole of `main`. `version` is the binary's own.
pub fn run(version: &'static str) -> ExitCode {
    clap::Command::new(NAME)
        .about("Takes sources' webhooks, verifies them, and puts their IDs onto the bus")
        .version(version)
        .after_long_help(::settings::describe(<Settings as ::settings::Settings>::ALL))
        .after_help("--help lists the settings, which are environment variables")
        .get_matches();
    let settings = match Reader::from_environment().load::<Settings>() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let ended = runtime.block_on(work(version, settings));
        // A look-up of a name in DNS cannot be aborted, and takes long when the network is gone.
        runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("ingress ended: {error:#}");
            eprintln!("{NAME}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn work(version: &'static str, settings: Settings) -> anyhow::Result<()> {
    telemetry::start_logs(&settings.log_filter).context("COPPICE_LOG")?;
    worker_process::log_panics_without_their_message();
    let metrics = telemetry::start_metrics(NAME)?;
    let stop = CancellationToken::new();
    worker_process::cancel_on_termination(stop.clone())?;
    let health_listener = telemetry::listen(settings.health_address)
        .with_context(|| format!("cannot listen on {} for /livez and /metrics", settings.health_address))?;

    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let bus = EventBridgeBus::connect(&config, &settings.bus_name);
    let store = Store::open(&settings.database_url, settings.database_connections)?;
    let checks = check_dependencies(&store, &bus);
    tokio::select! {
        checked = tokio::time::timeout(START_LIMIT, checks) => {
            checked.context("checks at start took too long")??;
        }
        // No webhook was accepted.
        () = stop.cancelled() => return Ok(()),
    }
    let listener = telemetry::listen(settings.listen_address)
        .with_context(|| format!("cannot listen on {} for webhooks", settings.listen_address))?;

    let (intake, turns) = (Intake::new(bus, store.clone()), Turns::default());
    let health = IngressHealth::new(intake.clone(), turns.clone());
    let answering = tokio::spawn(telemetry::serve_health(health_listener, health, metrics));
    let relay_stop = CancellationToken::new();
    let outbox = relay::IngressOutbox { intake: intake.clone() };
    let relaying = tokio::spawn(worker_process::run_relay(outbox, turns, relay_stop.clone()));

    let sources: Vec<&str> =
        settings.ingress.webhooks.iter().map(|webhooks| webhooks.source.as_str()).collect();
    tracing::info!(version, ?sources, "ingress started");
    let router = router(settings.ingress, intake);
    let drain_limit = work_drain_limit(settings.drain_limit);
    let drained = serve(listener, router, settings.connections, stop, drain_limit).await;
    relay_stop.cancel();
    relaying.await.context("relay")?;
    answering.abort();
    store.close().await;
    tracing::info!("ingress stopped");
    drained
}

/// Refuses to start if webhooks could not be kept safe.
async fn check_dependencies(store: &Store, bus: &EventBridgeBus) -> anyhow::Result<()> {
    check_database(store).await.context("database (DATABASE_URL)")?;
    bus.verify().await.context("event bus (COPPICE_BUS_NAME)")?;
    Ok(())
}

/// Answers until `stop`. Then accepts no more requests, and finishes those in flight within `drain_limit`.
async fn serve(
    listener: TcpListener,
    router: axum::Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
    drain_limit: Duration,
) -> anyhow::Result<()> {
    let served = connections::serve(listener, router, limits, stop.clone());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain_limit).await;
    };
    tokio::select! {
        () = served => Ok(()),
        () = late => anyhow::bail!("requests did not end within {} s", drain_limit.as_secs()),
    }
}
