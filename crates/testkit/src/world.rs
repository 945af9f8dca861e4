//! The environment of one test: AWS, database, topology, simulated providers, and real worker binaries. Each world has its own
//! queues and its own database, so tests can run at the same time. Each wait is for a condition, with a limit.

mod announcements;
mod config;
mod persons;
mod queues;
mod sending;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use local_stack::{
    ACCESS_KEY_ID, Emulator, PgBouncer, QueueMetrics, REGION, SECRET_ACCESS_KEY, TestDatabase, Tools,
    Topology, WorkerProcess, aws_config, free_port,
};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::{AwsProxy, FastAws, Worker};
use announcements::{tap, tap_in_process};
use simulators::auth0::{Auth0Control, Auth0Simulator};
use simulators::identity::{IdentityControl, Stripe, StripeSimulator};
use simulators::salesforce::{SalesforceControl, SalesforceSimulator};
use simulators::scim::ScimSimulator;

use self::config::of_topology;
pub use self::config::{
    ENTRA, HUBSPOT, OKTA, PERSONA, SCIM, STAFF, entra_settings, hubspot_settings, okta_settings,
    scim_settings, staff_settings,
};
pub use persons::PersonRow;
pub use queues::DeadLettered;

const PREFIX: &str = "coppice";

/// Limit of every wait. It is generous, so that a correct program does not fail on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may choose for its world.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Visibility timeout of the queues, in seconds.
    pub visibility_secs: u32,
    /// Receives after which SQS itself dead-letters.
    pub max_receive_count: u32,
    /// The replacement of AWS.
    pub aws: Aws,
    /// Whether the test stops, starts or breaks the database's server.
    pub own_database_server: bool,
    /// Whether the test creates the schema.
    pub empty_database: bool,
    /// The file of sources that the topology is rendered from. `None`: the world's own three.
    pub sources: Option<&'static str>,
    /// Sources beside these.
    pub more_sources: &'static str,
}

/// The replacement of AWS in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aws {
    /// The template's queues and a bus without rules ([`FastAws`]). Only [`World::enqueue`] brings a message to a queue.
    InProcess,
    /// The emulator with the whole topology of the template: a process and a stack of a hundred resources for one test.
    Emulator,
}

impl Setup {
    /// AWS in this process, and a database on the server that all tests share.
    pub const DEFAULT: Self = Self {
        visibility_secs: 20,
        max_receive_count: 50,
        aws: Aws::InProcess,
        own_database_server: false,
        empty_database: false,
        sources: None,
        more_sources: "",
    };

    /// With the emulator, for tests about rules, alarms, partner sources or SQS itself.
    #[must_use]
    pub const fn with_emulator(self) -> Self {
        Self { aws: Aws::Emulator, ..self }
    }

    /// With the topology of another file of sources.
    #[must_use]
    pub const fn with_sources(self, text: &'static str) -> Self {
        Self { sources: Some(text), ..self }
    }

    /// With the topology of these sources beside the world's own. A test gives their settings to the units that it starts.
    #[must_use]
    pub const fn with_more_sources(self, text: &'static str) -> Self {
        Self { more_sources: text, ..self }
    }

    /// With a database without tables.
    #[must_use]
    pub const fn with_empty_database(self) -> Self {
        Self { empty_database: true, ..self }
    }

    /// With the world's own database server.
    #[must_use]
    pub const fn with_own_database_server(self) -> Self {
        Self { own_database_server: true, ..self }
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::DEFAULT
    }
}

enum Cloud {
    InProcess(FastAws),
    Emulator(Emulator),
}

impl Cloud {
    fn endpoint(&self) -> &str {
        match self {
            Self::InProcess(aws) => aws.endpoint(),
            Self::Emulator(emulator) => emulator.endpoint(),
        }
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
    pub verifier: IdentityControl<Stripe>,
    /// Its server: makes and changes sessions, and refuses connections.
    pub verifier_server: StripeSimulator,
    /// An internal system of record. The world's own file does not have it: see [`STAFF`].
    pub registry: ScimSimulator,
    /// The proxy between the workers and AWS.
    pub proxy: AwsProxy,
    /// The database, and its server if it is the world's own.
    pub database: TestDatabase,
    pooler: Option<PgBouncer>,
    /// Queues and bus.
    pub topology: Topology,
    /// Direct access to the database, past the store.
    pub pool: PgPool,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    tap_url: String,
    folder: TempDir,
    /// The file that was applied last.
    applied: Mutex<String>,
    cloud: Cloud,
}

impl World {
    /// Makes a world with the default set-up, for a test.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// Makes a world with the whole topology, for a test about rules, alarms, partner sources or SQS itself.
    pub async fn start_with_emulator() -> Self {
        Self::start_with(Setup::DEFAULT.with_emulator()).await
    }

    /// Makes a world for a test.
    pub async fn start_with(setup: Setup) -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).expect("tools");
        Self::build(setup, &tools).await.expect("a world")
    }

    /// Makes a world.
    ///
    /// # Errors
    /// Names what could not be started, and why.
    pub async fn build(setup: Setup, tools: &Tools) -> anyhow::Result<Self> {
        let (database, cloud) = tokio::join!(make_database(setup, tools), make_cloud(setup, tools));
        let (database, (cloud, topology)) = (database?, cloud?);
        let pool = PgPool::connect_lazy(database.url())?;
        let pooler = PgBouncer::of_this_run(tools, database.url()).await?;
        let config = aws_config(cloud.endpoint());
        let (sqs, events) = (aws_sdk_sqs::Client::new(&config), aws_sdk_eventbridge::Client::new(&config));
        let tap_url = match &cloud {
            Cloud::InProcess(aws) => tap_in_process(aws),
            Cloud::Emulator(_) => tap(&sqs, &events, &topology.bus).await?,
        };
        let (idp_server, crm_server, verifier_server, registry) = tokio::join!(
            Auth0Simulator::start(),
            SalesforceSimulator::start(),
            StripeSimulator::start(),
            ScimSimulator::start()
        );
        Ok(Self {
            idp: idp_server.control(),
            idp_server,
            crm: crm_server.control(),
            crm_server,
            verifier: verifier_server.control(),
            verifier_server,
            registry,
            proxy: AwsProxy::start(cloud.endpoint()).await,
            pool,
            database,
            pooler,
            topology,
            sqs,
            events,
            tap_url,
            folder: tempfile::tempdir()?,
            applied: Mutex::default(),
            cloud,
        })
    }

    /// The environment of a unit in this world, without the file. `queue` is the unit whose queue it works on; a unit without a queue gets no queue
    /// URL. Its SQL role is that of `binary`, a unit's name or the path of its binary, and that of `queue` for any other program.
    fn own_environment(&self, binary: &str, queue: &str, health_port: u16) -> Vec<(String, String)> {
        let name = Path::new(binary).file_name().and_then(OsStr::to_str);
        let unit = name.and_then(fleet::unit).map_or(queue, |unit| unit.name);
        let queues = [
            ("COPPICE_QUEUE_URL", self.topology.queue_url(queue)),
            ("COPPICE_DLQ_URL", self.topology.dlq_url(queue)),
        ];
        let queues = queues.into_iter().filter_map(|(name, url)| Some((name, url.ok()?)));
        [
            ("DATABASE_URL", self.units_database_url(unit).as_str()),
            ("COPPICE_BUS_NAME", &self.topology.bus),
            ("COPPICE_HEALTH_ADDRESS", &format!("127.0.0.1:{health_port}")),
            // Short waits: the tests depend on their order, not on their length.
            ("COPPICE_RECEIVE_WAIT_SECS", "1"),
            ("COPPICE_RETRY_BASE_SECS", "1"),
            ("COPPICE_PROBE_INTERVAL_SECS", "1"),
            ("AWS_ENDPOINT_URL", self.proxy.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ]
        .into_iter()
        .chain(self.secrets())
        .chain(source_of(queue).map(|source| ("COPPICE_SOURCE", source)))
        .chain(queues)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// What a unit gets as `DATABASE_URL`: the pooler's, if this test run has poolers.
    fn units_database_url(&self, unit: &str) -> String {
        let url = self.database.url_of(unit);
        self.pooler.as_ref().map_or_else(|| url.clone(), |pooler| pooler.through(&url))
    }

    /// Starts a worker and waits until it is ready.
    pub async fn start_worker(&self, binary: &str, unit: &str, settings: &[(&str, &str)]) -> Worker {
        let worker = self.spawn_worker(binary, unit, settings);
        worker.wait_until_ready().await;
        worker
    }

    /// Starts a worker, and does not wait until it is ready. `settings` override the world's; an empty value unsets one.
    pub fn spawn_worker(&self, binary: &str, unit: &str, settings: &[(&str, &str)]) -> Worker {
        let health_port = free_port().expect("a free port");
        let environment = self.environment_with(binary, unit, health_port, settings);
        let log = self.folder.path().join(format!("{unit}-{health_port}.log"));
        let process = WorkerProcess::spawn(Path::new(binary), &environment, &log).expect("the worker starts");
        Worker { process, health_port }
    }

    /// Sends the queues' depths to the alarms until the result is dropped. AWS does the same, more slowly.
    pub fn start_queue_metrics(&self) -> QueueMetrics {
        QueueMetrics::start(self.emulator_endpoint())
    }

    /// The emulator itself, past the proxy. Panics in a world without an emulator: start it with [`Setup::with_emulator`].
    pub fn emulator_endpoint(&self) -> &str {
        match &self.cloud {
            Cloud::Emulator(emulator) => emulator.endpoint(),
            Cloud::InProcess(_) => panic!("this needs the emulator: Setup::DEFAULT.with_emulator()"),
        }
    }

    pub(crate) fn has_rules(&self) -> bool {
        matches!(self.cloud, Cloud::Emulator(_))
    }

    /// The endpoint of AWS calls, past the proxy.
    pub fn aws_endpoint(&self) -> &str {
        self.cloud.endpoint()
    }

    /// URL of the database for its owner, with its password. The password is public.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// The same for a unit, past a pooler.
    pub fn database_url_of(&self, unit: &str) -> String {
        self.database.url_of(unit)
    }
}

/// The source of the world that a unit works on.
fn source_of(unit: &str) -> Option<&'static str> {
    Some(match *fleet::unit(unit)?.providers().first()? {
        "sso" => "auth0",
        "crm" => "salesforce",
        "identity" => "stripe",
        _ => return None,
    })
}

async fn make_database(setup: Setup, tools: &Tools) -> anyhow::Result<TestDatabase> {
    if setup.empty_database {
        TestDatabase::empty().await
    } else if setup.own_database_server {
        TestDatabase::on_its_own_server(tools).await
    } else {
        TestDatabase::migrated().await
    }
}

async fn make_cloud(setup: Setup, tools: &Tools) -> anyhow::Result<(Cloud, Topology)> {
    if setup.aws == Aws::InProcess {
        let aws = FastAws::start().await;
        aws.create_bus(PREFIX);
        let visibility = Duration::from_secs(setup.visibility_secs.into());
        let topology = Topology::of_queues(PREFIX, &of_topology(setup), |name| {
            aws.create_queue(name, visibility, setup.max_receive_count)
        });
        return Ok((Cloud::InProcess(aws), topology));
    }
    let emulator = Emulator::start(tools).await?;
    let (visibility, receives) = (setup.visibility_secs.to_string(), setup.max_receive_count.to_string());
    let parameters =
        [("VisibilityTimeoutSeconds", visibility.as_str()), ("MaxReceiveCount", receives.as_str())];
    let topology = Topology::deploy(emulator.endpoint(), PREFIX, &of_topology(setup), &parameters).await?;
    Ok((Cloud::Emulator(emulator), topology))
}
