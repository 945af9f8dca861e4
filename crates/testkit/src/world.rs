//! A whole world for one test: emulator, database, topology, simulated providers, and real worker binaries in it.
//!
//! In: a worker's binary and what happens at the providers. Out: rows, announcements, dead letters, logs. Each world has
//! its own of everything, so tests run side by side. Waiting is always for a condition, with a limit.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutPartnerEventsRequestEntry, Target};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};
use event_contract::{Announcement, Envelope, EventKind};
use local_stack::{
    ACCESS_KEY_ID, Durability, Emulator, Postgres, REGION, SECRET_ACCESS_KEY, Tools, Topology, WorkerProcess,
    aws_config, free_port, wait_until,
};
use sqlx::migrate::Migrator;
use sqlx::{PgPool, Row};
use tempfile::TempDir;
use uuid::Uuid;

use crate::AwsProxy;
use crate::simulators::auth0::{
    Auth0Control, Auth0Simulator, EVENT_STREAM_SOURCE, LOG_STREAM_SOURCE, NativeEvent,
};
use crate::simulators::identity::{IdentityControl, STRIPE_SOURCE, StripeSimulator};
use crate::simulators::okta;
use crate::simulators::salesforce::{SALESFORCE_SOURCE, SalesforceControl, SalesforceSimulator};

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

/// A person's row with the record that it comes from, as far as tests look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Our ID.
    pub person_id: Uuid,
    /// `active`, `blocked` or `deleted`.
    pub status: String,
    /// The address, if there is one.
    pub email: Option<String>,
    /// The given name, if there is one.
    pub given_name: Option<String>,
    /// Rises with each change.
    pub revision: i64,
}

/// A dead letter.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The message as it was.
    pub body: String,
    /// The worker's attributes: `coppice.class` and so on. Empty when SQS moved it.
    pub attributes: std::collections::BTreeMap<String, String>,
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

    /// Sends a provider's event where the provider would: to its partner event source.
    pub async fn deliver(&self, event: &NativeEvent) {
        let entry = PutPartnerEventsRequestEntry::builder()
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .build();
        let reply = self
            .events
            .put_partner_events()
            .entries(entry)
            .send()
            .await
            .expect("the partner source takes it");
        assert_eq!(reply.failed_entry_count(), 0);
    }

    /// Puts a body right onto a queue.
    pub async fn enqueue(&self, unit: &str, body: &str) {
        let queue = self.topology.queue_url(unit).expect("a queue of the topology");
        self.sqs.send_message().queue_url(queue).message_body(body).send().await.expect("the queue takes it");
    }

    /// Puts many bodies right onto a queue, ten in a call.
    ///
    /// # Errors
    /// When the emulator does not take them.
    pub async fn enqueue_all(&self, unit: &str, bodies: &[String]) -> anyhow::Result<()> {
        let queue = self.topology.queue_url(unit)?;
        for batch in bodies.chunks(10) {
            let mut call = self.sqs.send_message_batch().queue_url(queue);
            for (position, body) in batch.iter().enumerate() {
                let entry =
                    SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(body);
                call = call.entries(entry.build()?);
            }
            call.send().await?;
        }
        Ok(())
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

    /// The person that a record of the identity provider belongs to.
    pub async fn person(&self, external_id: &str) -> Option<PersonRow> {
        let persons = self.persons().await.ok()?;
        persons.into_iter().find(|(id, _)| id == external_id).map(|(_, person)| person)
    }

    /// Every person with the ID of its record, in order of that ID.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn persons(&self) -> anyhow::Result<Vec<(String, PersonRow)>> {
        let rows = sqlx::query(
            "select external_id, person_id, status, email, given_name, revision \
             from person join source_record using (person_id) order by external_id",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let person = |row: sqlx::postgres::PgRow| {
            let person = PersonRow {
                person_id: row.get(1),
                status: row.get(2),
                email: row.get(3),
                given_name: row.get(4),
                revision: row.get(5),
            };
            (row.get(0), person)
        };
        Ok(rows.into_iter().map(person).collect())
    }

    /// Takes away the announcements that have arrived since the last time.
    ///
    /// # Errors
    /// When the emulator does not answer, or something else than an announcement arrived.
    pub async fn take_announcements(&self) -> anyhow::Result<Vec<(EventKind, Announcement)>> {
        let mut taken = Vec::new();
        loop {
            let call = self.sqs.receive_message().queue_url(&self.tap_url).max_number_of_messages(10);
            let messages = call.wait_time_seconds(0).send().await?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(taken);
            }
            for message in messages {
                let envelope = Envelope::parse(&message.body.unwrap_or_default())?;
                taken.push(Announcement::parse(&envelope)?);
                let receipt = message.receipt_handle.unwrap_or_default();
                self.sqs.delete_message().queue_url(&self.tap_url).receipt_handle(receipt).send().await?;
            }
        }
    }

    /// Waits until a record's person is as wanted.
    pub async fn person_where(&self, external_id: &str, wanted: impl Fn(&PersonRow) -> bool) -> PersonRow {
        let question = async || Ok(self.person(external_id).await.filter(&wanted));
        wait_until(PATIENCE, "the person to be as wanted", question).await.expect("the person is as wanted")
    }

    /// Every announcement so far, in order of arrival. Waits until there are `at_least` so many, and until none is left
    /// in the outbox: one too many would otherwise still be on its way.
    pub async fn announcements(&self, at_least: usize) -> Vec<(EventKind, Announcement)> {
        let mut arrived = Vec::new();
        let collected = wait_until(PATIENCE, "the announcements to arrive", async || {
            Ok((self.tapped().await.len() >= at_least).then_some(()))
        });
        collected.await.expect("the announcements arrive");
        wait_until(PATIENCE, "the outbox to be empty", async || {
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            Ok((waiting == 0).then_some(()))
        })
        .await
        .expect("the outbox empties");
        for body in self.tapped().await {
            let envelope = Envelope::parse(&body).expect("an event");
            arrived.push(Announcement::parse(&envelope).expect("an announcement"));
        }
        arrived
    }

    /// Waits until a queue is empty, with nothing in flight.
    pub async fn settled(&self, unit: &str) {
        let queue = self.topology.queue_url(unit).expect("a queue of the topology").to_owned();
        wait_until(PATIENCE, "the queue to be empty", async || {
            let (visible, hidden) = self.depth(&queue).await;
            Ok((visible + hidden == 0).then_some(()))
        })
        .await
        .expect("the queue empties");
    }

    /// Messages of a unit's queue: visible, and in flight or delayed.
    pub async fn queue_depth(&self, unit: &str) -> (u64, u64) {
        let queue = self.topology.queue_url(unit).expect("a queue of the topology").to_owned();
        self.depth(&queue).await
    }

    /// A unit's dead letters, left where they are. Waits until there are `at_least` so many.
    pub async fn dead_letters(&self, unit: &str, at_least: usize) -> Vec<DeadLetter> {
        let queue = self.topology.dlq_url(unit).expect("a dead-letter queue of the topology").to_owned();
        wait_until(PATIENCE, "the dead letters to arrive", async || {
            let letters = self.peek(&queue).await;
            Ok((letters.len() >= at_least).then_some(letters))
        })
        .await
        .expect("the dead letters arrive")
    }

    /// Events that a rule could not deliver, as they were, left where they are.
    pub async fn undelivered(&self) -> Vec<DeadLetter> {
        let queue = self.topology.undelivered_url().expect("a queue of the topology").to_owned();
        self.peek(&queue).await
    }

    /// Publishes an event on the bus as `webhook-ingress` would.
    pub async fn publish(&self, source: &str, detail_type: &str, detail: &str) {
        let bus = &self.topology.bus;
        let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source(source);
        let entry = entry.detail_type(detail_type).detail(detail).build();
        let reply = self.events.put_events().entries(entry).send().await.expect("the bus takes it");
        assert_eq!(reply.failed_entry_count(), 0);
    }

    async fn depth(&self, queue: &str) -> (u64, u64) {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        let counts = call.send().await.expect("the queue answers").attributes.unwrap_or_default();
        let count = |name| counts.get(&name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let [visible, in_flight, delayed] = names.map(count);
        (visible, in_flight + delayed)
    }

    /// What has arrived at the tap. Nothing is taken away: a visibility of zero leaves it for the next look.
    async fn tapped(&self) -> Vec<String> {
        self.peek(&self.tap_url).await.into_iter().map(|letter| letter.body).collect()
    }

    async fn peek(&self, queue: &str) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        let mut receipts = Vec::new();
        loop {
            let call =
                self.sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(0);
            let call = call
                .visibility_timeout(30)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = call.send().await.expect("the queue answers").messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let attributes = message.message_attributes.unwrap_or_default();
                let text =
                    attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?)));
                letters
                    .push(DeadLetter { body: message.body.unwrap_or_default(), attributes: text.collect() });
                receipts.extend(message.receipt_handle);
            }
        }
        for receipt in receipts {
            let call = self.sqs.change_message_visibility().queue_url(queue).receipt_handle(receipt);
            call.visibility_timeout(0).send().await.expect("the queue answers");
        }
        letters
    }
}

/// A queue that gets a copy of every internal event.
async fn tap(
    sqs: &aws_sdk_sqs::Client,
    events: &aws_sdk_eventbridge::Client,
    bus: &str,
) -> anyhow::Result<String> {
    let queue = sqs.create_queue().queue_name("tap").send().await?.queue_url.context("a queue has a URL")?;
    let call = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = call.send().await?.attributes.unwrap_or_default().remove(&QueueAttributeName::QueueArn);
    let rule = events.put_rule().event_bus_name(bus).name("tap").event_pattern(r#"{"source":["coppice"]}"#);
    rule.send().await?;
    let target = Target::builder().id("tap").arn(arn.context("a queue has an ARN")?).build()?;
    events.put_targets().event_bus_name(bus).rule("tap").targets(target).send().await?;
    Ok(queue)
}

/// A running worker and its health port.
pub struct Worker {
    /// The process.
    pub process: WorkerProcess,
    health_port: u16,
}

impl Worker {
    /// Waits until `/readyz` says yes.
    pub async fn wait_until_ready(&self) {
        wait_until(PATIENCE, "the worker to be ready", async || {
            Ok(self.get("readyz").await.is_some_and(|(status, _)| status == 200).then_some(()))
        })
        .await
        .unwrap_or_else(|_| panic!("the worker is not ready:\n{}", self.log()));
    }

    /// Base of its health port.
    #[must_use]
    pub fn health_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.health_port)
    }

    /// Status and body of a path of the health port. `None` when it does not answer.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let reply = reqwest::get(format!("{}/{path}", self.health_url())).await.ok()?;
        Some((reply.status().as_u16(), reply.text().await.ok()?))
    }

    /// The sum of a metric's samples whose labels contain `label`.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = self.get("metrics").await.unwrap_or_default();
        let samples = text.lines().filter(|line| {
            let series = line.split([' ', '{']).next();
            series == Some(name) && line.contains(label)
        });
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until no message is in its hands: every request that it made has been answered.
    pub async fn holds_nothing(&self) {
        wait_until(PATIENCE, "the worker to hold nothing", async || {
            Ok((self.metric("coppice_messages_held", "").await == 0.0).then_some(()))
        })
        .await
        .expect("the worker gives back what it holds");
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output().unwrap_or_default()
    }

    /// SIGTERM, and its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        self.process.terminate().expect("it can be signalled");
        self.exit_code().await
    }

    /// Waits for its end.
    pub async fn exit_code(&mut self) -> Option<i32> {
        self.process.wait(PATIENCE).await.expect("it ends").code()
    }
}
