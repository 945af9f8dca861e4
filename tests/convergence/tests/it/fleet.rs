//! The providers, the handlers in their loops, and the bus between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use authority::Policy;
use crm_account::CrmAccountHandler;
use crm_sync::CrmRecords;
use event_contract::{Announcement, EventKind, Hop, INTERNAL_SOURCE, SCHEMA_VERSION, TraceContext};
use futures::future::join_all;
use identity_verification::IdentityRecords;
use local_stack::{Postgres, Tools, wait_until};
use postgres_store::{ClaimedAnnouncement, Store};
use provider_crm::{CrmClient, SalesforceAuth, SalesforceClient, SalesforceConfig};
use provider_identity::{IdentityClient, StripeClient, StripeConfig};
use provider_sso::{Auth0Client, Auth0Config, SsoClient};
use record_sync::{RecordSync, SsoRecords};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqs_queue::{MemoryQueue, MemoryQueueConfig, OutgoingMessage, Queue};
use testkit::Chaos;
use testkit::simulators::auth0::{Auth0Control, Auth0Simulator, NativeEvent};
use testkit::simulators::identity::StripeSimulator;
use testkit::simulators::salesforce::{SalesforceControl, SalesforceSimulator};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::{Handler, MemoryLedger, Mode, Options, Pulse, RetryPolicy, Runtime};

use crate::history::History;

/// Longest that everything may take to come to rest. A loop that never ends does not.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longest time between two happenings of one life: as long as a refetch takes on a bad network.
const BETWEEN_HAPPENINGS: Duration = Duration::from_millis(200);

/// Two pods of each worker.
const PODS: usize = 2;

/// What is true.
pub(crate) struct Providers {
    pub(crate) idp: Auth0Control,
    pub(crate) crm: SalesforceControl,
    pub(crate) verifier: StripeSimulator,
    _servers: (Auth0Simulator, SalesforceSimulator),
}

/// Clients of the providers.
pub(crate) struct Clients {
    pub(crate) sso: SsoRecords<SsoClient>,
    pub(crate) crm: CrmClient,
    pub(crate) identity: IdentityRecords<IdentityClient>,
}

/// See the module's documentation.
pub(crate) struct Fleet {
    pub(crate) providers: Providers,
    pub(crate) store: Store,
    pub(crate) pool: PgPool,
    pub(crate) dead_letters: MemoryQueue,
    bus: Bus,
    stop: CancellationToken,
    _postgres: Postgres,
}

/// Queues, and who delivers to them.
#[derive(Clone)]
struct Bus {
    chaos: Chaos,
    queues: Queues,
    /// Events on their way.
    under_way: Arc<AtomicUsize>,
    /// Events so far.
    carried: Arc<AtomicUsize>,
    /// Announcements so far.
    announced: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Queues {
    sso_sync: MemoryQueue,
    crm_sync: MemoryQueue,
    identity_verification: MemoryQueue,
    crm_account: MemoryQueue,
}

impl Fleet {
    pub(crate) async fn start(seed: u64, policy: Policy) -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        let postgres = Postgres::start(&tools).await.unwrap();
        let url = postgres.create_database("orchard").await.unwrap();
        let store = Store::open(&url.clone().into(), 16).unwrap().with_policy(policy);
        store.migrate().await.unwrap();
        let (idp, crm) = (Auth0Simulator::start().await, SalesforceSimulator::start().await);
        let verifier = StripeSimulator::start().await;
        let providers = Providers { idp: idp.control(), crm: crm.control(), verifier, _servers: (idp, crm) };
        let dead_letters = MemoryQueue::default();
        let fleet = Self {
            pool: PgPool::connect(&url).await.unwrap(),
            store,
            providers,
            bus: Bus::new(Chaos::new(seed), &dead_letters),
            dead_letters,
            stop: CancellationToken::new(),
            _postgres: postgres,
        };
        fleet.start_workers(seed).await;
        fleet.start_carriers();
        fleet
    }

    /// Clients that reach the providers as they are, or over a bad network.
    pub(crate) async fn clients(&self, chaos: Option<&Chaos>) -> Clients {
        let Providers { idp, crm, verifier, .. } = &self.providers;
        let reach = async |url: String| match chaos {
            Some(chaos) => chaos.in_front_of(&url).await.parse().unwrap(),
            None => url.parse().unwrap(),
        };
        let sso = Auth0Client::new(Auth0Config {
            domain: reach(idp.base_url()).await,
            client_id: idp.client_id().into(),
            client_secret: idp.client_secret().into(),
            audience: Some(idp.audience()),
        });
        let auth = SalesforceAuth::ClientCredentials {
            client_id: crm.client_id().into(),
            client_secret: crm.client_secret().into(),
        };
        let url: url::Url = reach(crm.base_url()).await;
        let crm = SalesforceClient::new(SalesforceConfig::new(url.clone(), url, auth));
        let identity = StripeClient::new(StripeConfig {
            base_url: reach(verifier.base_url()).await,
            api_key: verifier.api_key().into(),
            date_of_birth: true,
        });
        Clients {
            sso: SsoRecords(SsoClient::Auth0(sso.unwrap())),
            crm: CrmClient::Salesforce(crm.unwrap()),
            identity: IdentityRecords(IdentityClient::Stripe(identity.unwrap())),
        }
    }

    async fn start_workers(&self, seed: u64) {
        let ledger = MemoryLedger::default();
        for pod in 0..PODS {
            let chaos = Chaos::new(seed ^ (0xBAD << (pod * 16)));
            let Clients { sso, crm, identity } = self.clients(Some(&chaos)).await;
            let writer = self.clients(Some(&chaos)).await.crm;
            let store = || self.store.clone();
            let queues = &self.bus.queues;
            self.run(RecordSync::new(sso, store()), &queues.sso_sync, &ledger);
            self.run(RecordSync::new(CrmRecords::new(crm), store()), &queues.crm_sync, &ledger);
            self.run(RecordSync::new(identity, store()), &queues.identity_verification, &ledger);
            self.run(CrmAccountHandler::new(writer, store()), &queues.crm_account, &ledger);
        }
    }

    fn run<H: Handler>(&self, handler: H, queue: &MemoryQueue, ledger: &MemoryLedger) {
        let options = Options {
            visibility_timeout: Duration::from_secs(30),
            receive_wait: Duration::from_secs(1),
            retry: RetryPolicy {
                // A network as bad as this one fails often: no message may die of it.
                max_attempts: 1000,
                base: Duration::from_secs(1),
                cap: Duration::from_secs(2),
            },
            probe_interval: Duration::from_millis(50),
            longest_probe_interval: Duration::from_millis(200),
            ..Options::default()
        };
        let (queue, dead_letters) = (queue.clone(), self.dead_letters.clone());
        let runtime = Runtime::new(handler, queue, dead_letters, ledger.clone(), options, Pulse::default());
        tokio::spawn(runtime.run(Mode::Forever, self.stop.clone()));
    }

    /// The relay, and the CRM's own feed.
    fn start_carriers(&self) {
        let (store, bus, stop) = (self.store.clone(), self.bus.clone(), self.stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                bus.carry_announcements(&store).await;
            }
        });
        let (crm, bus, stop) = (self.providers.crm.clone(), self.bus.clone(), self.stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let busy = bus.clone().busy();
                for event in crm.take_events() {
                    bus.carry(&bus.queues.crm_sync, event.to_envelope_json());
                }
                drop(busy);
                bus.chaos.delay().await;
                tokio::task::yield_now().await;
            }
        });
    }

    /// Lives some lives to their end, all at the same time, while what happens in them is on its way.
    pub(crate) async fn live(&self, histories: &mut [History]) {
        join_all(histories.iter_mut().map(|history| self.live_one(history))).await;
    }

    async fn live_one(&self, history: &mut History) {
        while let Some(events) = history.next(&self.providers) {
            for event in events {
                self.bus.carry(self.queue_of(&event), event.to_envelope_json());
            }
            self.bus.chaos.pass_up_to(BETWEEN_HAPPENINGS).await;
        }
    }

    /// Says once more of every person and of every contact that it has changed, and answers what came of it: writes of the
    /// CRM, and announcements.
    pub(crate) async fn repeat_everything(&self) -> (usize, usize) {
        let so_far = || (self.providers.crm.writes(), self.bus.announced.load(Ordering::SeqCst));
        let before = so_far();
        let persons = "select person_id, revision from person where merged_into is null";
        for (person, revision) in sqlx::query_as(persons).fetch_all(&self.pool).await.unwrap() {
            let claimed = ClaimedAnnouncement {
                kind: EventKind::PersonChanged,
                announcement: repeated(person, revision),
            };
            self.bus.carry(&self.bus.queues.crm_account, envelope(&claimed));
        }
        let contacts =
            "select external_id from source_record where source = 'salesforce' and gone_at is null";
        let contacts: Vec<String> = sqlx::query_scalar(contacts).fetch_all(&self.pool).await.unwrap();
        for contact in &contacts {
            let event = self.providers.crm.gap_event(&[contact]);
            self.bus.carry(&self.bus.queues.crm_sync, event.to_envelope_json());
        }
        self.quiet().await;
        let after = so_far();
        (after.0 - before.0, after.1 - before.1)
    }

    fn queue_of(&self, event: &NativeEvent) -> &MemoryQueue {
        let queues = &self.bus.queues;
        if event.source.contains("stripe.com") { &queues.identity_verification } else { &queues.sso_sync }
    }

    /// Waits until nothing moves: no event is under way, none is waiting, none comes of what there was.
    pub(crate) async fn quiet(&self) {
        let mut before = None;
        let quiet = wait_until(PATIENCE, "everything to come to rest", async || {
            let carried = self.bus.carried.load(Ordering::SeqCst);
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            let still = waiting == 0 && self.bus.is_empty();
            // Looked at one after the other, so only a second look that finds the same tells.
            let rested = still && before == Some(carried);
            before = still.then_some(carried);
            Ok(rested.then_some(()))
        });
        if quiet.await.is_err() {
            let queues = self.bus.queues.all().map(|queue| queue.messages().len());
            panic!("no rest: messages in sso-sync, crm-sync, identity-verification, crm-account: {queues:?}");
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Queues {
    fn all(&self) -> [&MemoryQueue; 4] {
        [&self.sso_sync, &self.crm_sync, &self.identity_verification, &self.crm_account]
    }
}

/// Something is being done that may lead to events.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bus {
    fn new(chaos: Chaos, dead_letters: &MemoryQueue) -> Self {
        let queue = || {
            let config = MemoryQueueConfig {
                visibility_timeout: Duration::from_secs(30),
                redrive: Some((dead_letters.clone(), 1000)),
            };
            MemoryQueue::new(config)
        };
        let queues = Queues {
            sso_sync: queue(),
            crm_sync: queue(),
            identity_verification: queue(),
            crm_account: queue(),
        };
        Self { chaos, queues, under_way: Arc::default(), carried: Arc::default(), announced: Arc::default() }
    }

    fn busy(self) -> Busy {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Busy(self.under_way)
    }

    fn is_empty(&self) -> bool {
        let under_way = self.under_way.load(Ordering::SeqCst);
        under_way == 0 && self.queues.all().iter().all(|queue| queue.messages().is_empty())
    }

    /// Carries an event to a queue: soon or late, once or several times. One that is lost is sent again in the end, as
    /// a resync does.
    fn carry(&self, queue: &MemoryQueue, body: String) {
        let copies = 1 + usize::from(self.chaos.happens(0.2)) + usize::from(self.chaos.happens(0.1));
        let rounds = if self.chaos.happens(0.1) { 20 } else { 1 };
        for _ in 0..copies {
            let (bus, queue, body) = (self.clone(), queue.clone(), body.clone());
            let busy = self.clone().busy();
            tokio::spawn(async move {
                for _ in 0..rounds {
                    bus.chaos.delay().await;
                }
                let message = OutgoingMessage { body, ..OutgoingMessage::default() };
                queue.send(&[message]).await.unwrap();
                bus.carried.fetch_add(1, Ordering::SeqCst);
                drop(busy);
            });
        }
    }

    /// As `worker-process` does it, and as the rule `crm-account-internal` routes.
    async fn carry_announcements(&self, store: &Store) {
        let busy = self.clone().busy();
        // A database that is busy is asked again; a claim that is not removed lapses, and is published once more.
        let claimed = store.claim_announcements(100, Duration::from_secs(10)).await.unwrap_or_default();
        self.announced.fetch_add(claimed.len(), Ordering::SeqCst);
        for one in &claimed {
            if matches!(one.kind.detail_type(), "PersonChanged" | "IdentityVerified") {
                self.carry(&self.queues.crm_account, envelope(one));
            }
        }
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.announcement.event_id).collect();
        let _ = store.remove_announcements(&ids).await;
        drop(busy);
        self.chaos.delay().await;
        if claimed.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(20), store.outbox_filled()).await;
        }
    }
}

fn repeated(person: Uuid, revision: i64) -> Announcement {
    Announcement {
        schema: SCHEMA_VERSION,
        event_id: Uuid::now_v7(),
        entity_id: person,
        revision,
        cause: Uuid::new_v4(),
        hop: Hop::OUTSIDE,
        traceparent: TraceContext::start(),
    }
}

fn envelope(claimed: &ClaimedAnnouncement) -> String {
    let detail: Value = serde_json::from_str(&claimed.announcement.to_detail()).unwrap();
    json!({
        "id": Uuid::new_v4(), "source": INTERNAL_SOURCE, "detail-type": claimed.kind.detail_type(),
        "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap(), "detail": detail,
    })
    .to_string()
}
