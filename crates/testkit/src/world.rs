//! A whole world for one test: emulator, database, topology, simulated providers, and real worker binaries in it.
//!
//! In: a worker's binary and what happens at the providers. Out: rows, announcements, dead letters, logs. Each world has
//! its own of everything, so tests run side by side. Waiting is always for a condition, with a limit.

mod announcements;
mod persons;
mod queues;
mod sending;

use std::path::Path;
use std::time::Duration;

use local_stack::{
    ACCESS_KEY_ID, Durability, Emulator, Postgres, QueueMetrics, REGION, SECRET_ACCESS_KEY, Tools, Topology,
    WorkerProcess, aws_config, free_port,
};
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use tempfile::TempDir;

use crate::simulators::auth0::{Auth0Control, Auth0Simulator, EVENT_STREAM_SOURCE, LOG_STREAM_SOURCE};
use crate::simulators::identity::{IdentityControl, STRIPE_SOURCE, StripeSimulator};
use crate::simulators::okta;
use crate::simulators::salesforce::{SALESFORCE_SOURCE, SalesforceControl, SalesforceSimulator};
use crate::{AwsProxy, Worker};
use announcements::tap;

pub use persons::PersonRow;
pub use queues::DeadLetter;

/// Longest that anything is waited for. Generous: a slow machine must not fail a right program.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may want otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Visibility timeout of the queues.
    pub visibility_secs: u32,
    /// Receives after which SQS itself dead-letters.
    pub max_receive_count: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { visibility_secs: 20, max_receive_count: 50 }
    }
}

/// See the module's documentation.
pub struct World {
    /// The identity provider.
    pub idp: Auth0Control,
    /// The identity provider's server, to make it refuse connections.
    pub idp_server: Auth0Simulator,
    /// The CRM.
    pub crm: SalesforceControl,
    /// The CRM's server, to make it refuse connections.
    pub crm_server: SalesforceSimulator,
    /// The identity-verification provider.
    pub verifier: IdentityControl,
    /// Its server: makes and changes sessions, and refuses connections.
    pub verifier_server: StripeSimulator,
    /// Between workers and the emulator.
    pub proxy: AwsProxy,
    /// The database server.
    pub postgres: Postgres,
    /// Queues and bus.
    pub topology: Topology,
    /// Direct access to the database, past the store.
    pub pool: PgPool,
    database_url: String,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    tap_url: String,
    folder: TempDir,
    emulator: Emulator,
}

impl World {
    /// Makes a world with the usual set-up, for a test.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// Makes a world for a test.
    pub async fn start_with(setup: Setup) -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).expect("tools");
        Self::build(setup, &tools).await.expect("a world")
    }

    /// Makes a world.
    ///
    /// # Errors
    /// What could not be started, and why.
    pub async fn build(setup: Setup, tools: &Tools) -> anyhow::Result<Self> {
        let (postgres, emulator) =
            tokio::join!(Postgres::start_with(tools, Durability::ServerOnly), Emulator::start(tools));
        let (postgres, emulator) = (postgres?, emulator?);
        let parameters = [
            ("VisibilityTimeoutSeconds", setup.visibility_secs.to_string()),
            ("MaxReceiveCount", setup.max_receive_count.to_string()),
            ("Auth0EventStreamPartnerSource", EVENT_STREAM_SOURCE.to_owned()),
            ("Auth0LogStreamPartnerSource", LOG_STREAM_SOURCE.to_owned()),
            ("OktaPartnerSource", okta::LOG_STREAM_SOURCE.to_owned()),
            ("SalesforcePartnerSource", SALESFORCE_SOURCE.to_owned()),
            ("StripePartnerSource", STRIPE_SOURCE.to_owned()),
        ];
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let topology = Topology::deploy(emulator.endpoint(), "coppice", &parameters).await?;
        let database_url = postgres.create_database("coppice_local").await?;
        let pool = PgPool::connect_lazy(&database_url)?;
        // Not through the store: then the developers' commands need no query to be described before they can be built.
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        Migrator::new(migrations).await?.run(&pool).await?;
        let config = aws_config(emulator.endpoint());
        let (sqs, events) = (aws_sdk_sqs::Client::new(&config), aws_sdk_eventbridge::Client::new(&config));
        let tap_url = tap(&sqs, &events, &topology.bus).await?;
        let (idp_server, crm_server, verifier_server) =
            tokio::join!(Auth0Simulator::start(), SalesforceSimulator::start(), StripeSimulator::start());
        Ok(Self {
            idp: idp_server.control(),
            idp_server,
            crm: crm_server.control(),
            crm_server,
            verifier: verifier_server.control(),
            verifier_server,
            proxy: AwsProxy::start(emulator.endpoint()).await,
            pool,
            postgres,
            topology,
            database_url,
            sqs,
            events,
            tap_url,
            folder: tempfile::tempdir()?,
            emulator,
        })
    }

    /// The environment of `unit` in this world. One that is called, and has no queue, gets none.
    #[must_use]
    pub fn environment(&self, unit: &str, health_port: u16) -> Vec<(String, String)> {
        let queues = [
            ("COPPICE_QUEUE_URL", self.topology.queue_url(unit)),
            ("COPPICE_DLQ_URL", self.topology.dlq_url(unit)),
        ];
        let queues = queues.into_iter().filter_map(|(name, url)| Some((name, url.ok()?)));
        [
            ("DATABASE_URL", self.database_url.as_str()),
            ("COPPICE_BUS_NAME", &self.topology.bus),
            ("COPPICE_HEALTH_ADDRESS", &format!("127.0.0.1:{health_port}")),
            // Short waits: what is tested is their order, not their length.
            ("COPPICE_RECEIVE_WAIT_SECS", "1"),
            ("COPPICE_RETRY_BASE_SECS", "1"),
            ("COPPICE_PROBE_INTERVAL_SECS", "1"),
            ("COPPICE_SSO_TIMEOUT_SECS", "1"),
            ("COPPICE_SSO_PROVIDER", "auth0"),
            ("COPPICE_AUTH0_URL", &self.idp.base_url()),
            ("COPPICE_AUTH0_CLIENT_ID", self.idp.client_id()),
            ("COPPICE_AUTH0_CLIENT_SECRET", self.idp.client_secret()),
            ("COPPICE_AUTH0_AUDIENCE", &self.idp.audience()),
            ("COPPICE_CRM_TIMEOUT_SECS", "1"),
            ("COPPICE_CRM_LONGEST_PAUSE_SECS", "2"),
            ("COPPICE_SALESFORCE_URL", &self.crm.base_url()),
            ("COPPICE_SALESFORCE_CLIENT_ID", self.crm.client_id()),
            ("COPPICE_SALESFORCE_CLIENT_SECRET", self.crm.client_secret()),
            ("COPPICE_IDENTITY_PROVIDER", "stripe"),
            ("COPPICE_IDENTITY_TIMEOUT_SECS", "1"),
            ("COPPICE_STRIPE_URL", &self.verifier.base_url()),
            ("COPPICE_STRIPE_API_KEY", self.verifier.api_key()),
            ("AWS_ENDPOINT_URL", self.proxy.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ]
        .into_iter()
        .chain(queues)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// Starts a worker and waits until it is ready.
    pub async fn start_worker(&self, binary: &str, unit: &str, settings: &[(&str, &str)]) -> Worker {
        let worker = self.spawn_worker(binary, unit, settings);
        worker.wait_until_ready().await;
        worker
    }

    /// Starts a worker, ready or not. `settings` win over the world's; an empty value unsets one.
    #[must_use]
    pub fn spawn_worker(&self, binary: &str, unit: &str, settings: &[(&str, &str)]) -> Worker {
        let health_port = free_port().expect("a free port");
        let mut environment = self.environment(unit, health_port);
        for (name, value) in settings {
            environment.retain(|(known, _)| known != name);
            if !value.is_empty() {
                environment.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let log = self.folder.path().join(format!("{unit}-{health_port}.log"));
        let process = WorkerProcess::spawn(Path::new(binary), &environment, &log).expect("the worker starts");
        Worker { process, health_port }
    }

    /// Has the queues' depths reach the alarms until it is dropped, as on AWS, only sooner.
    #[must_use]
    pub fn start_queue_metrics(&self) -> QueueMetrics {
        QueueMetrics::start(self.emulator.endpoint())
    }

    /// The emulator itself, past the proxy.
    #[must_use]
    pub fn emulator_endpoint(&self) -> &str {
        self.emulator.endpoint()
    }

    /// Where the database is, with its password, which is no secret here.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }
}
