//! The simulated providers, the real handlers in the real consumer loop, and the bus between them.

use std::time::Duration;

use authority::Policy;
use connectors::Source;
use crm_account::CrmAccountHandler;
use crm_sync::CrmSync;
use futures::future::{join, join_all};
use identity_verification::IdentityVerification;
use local_stack::{NetworkPath, TestDatabase, Tools};
use postgres_store::Store;
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use simulators::NativeEvent;
use sqlx::PgPool;
use sqs_queue::MemoryQueue;
use sso_sync::SsoSync;
use testkit::Chaos;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use worker_process::PostgresLedger;
use worker_runtime::{Handler, Liveness, Mode, Options, RetryPolicy, Runtime};

use crate::bus::Bus;
use crate::history::History;
use crate::malfunctions::Records;
use crate::providers::{Clients, Providers, Vendors};

/// Longest time between two events of one life. Usually it is as long as a refetch, so that the second event occurs while
/// a worker reads the first. Sometimes it is longer, so that workers settle some events before the life ends.
const SHORT_WHILE: Duration = Duration::from_millis(100);
const LONG_WHILE: Duration = Duration::from_secs(6);

/// Two pods of each worker.
const PODS: usize = 2;

pub(crate) struct Fleet {
    pub(crate) providers: Providers,
    pub(crate) store: Store,
    /// For the oracle. It goes on when the fleet's connections do not.
    pub(crate) pool: PgPool,
    pub(crate) dlq: MemoryQueue,
    pub(crate) bus: Bus,
    stop: CancellationToken,
    pub(crate) database: Mutex<TestDatabase>,
    /// The fleet's path to the database.
    pub(crate) database_path: NetworkPath,
    /// The path of `pool`.
    pub(crate) oracle_path: NetworkPath,
}

impl Fleet {
    pub(crate) async fn start(seed: u64, vendors: Vendors, policy: Policy) -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        let mut database = TestDatabase::on_its_own_server(&tools).await.unwrap();
        let port = database.server().port();
        let [database_path, oracle_path] =
            [NetworkPath::to(port).await, NetworkPath::to(port).await].map(Result::unwrap);
        let store =
            Store::open(&database_path.through(database.url()).into(), 16).unwrap().with_policy(policy);
        let dlq = MemoryQueue::default();
        let fleet = Self {
            pool: PgPool::connect(&oracle_path.through(database.url())).await.unwrap(),
            store,
            providers: Providers::start(vendors).await,
            bus: Bus::new(Chaos::new(seed), &dlq),
            dlq,
            stop: CancellationToken::new(),
            database: Mutex::new(database),
            database_path,
            oracle_path,
        };
        fleet.start_workers(seed).await;
        fleet.start_carriers();
        fleet
    }

    async fn start_workers(&self, seed: u64) {
        for pod in 0..PODS {
            let chaos = Chaos::new(seed ^ (0xBAD << (pod * 16)));
            let Clients { sso, crm, identity } = self.providers.clients(Some(&chaos)).await;
            let writer = self.providers.clients(Some(&chaos)).await.crm;
            let store = || self.store.clone();
            let queues = &self.bus.queues;
            self.sync::<SsoSync>(sso, &queues.sso_sync);
            self.sync::<CrmSync>(crm, &queues.crm_sync);
            self.sync::<IdentityVerification>(identity, &queues.identity_verification);
            self.run(CrmAccountHandler::new(writer, store()).unwrap(), &queues.crm_account);
        }
    }

    fn sync<U: RecordUnit>(&self, source: Source, queue: &MemoryQueue) {
        // Hundreds of lives share the sources, so more records are deleted in a minute than elsewhere in an hour.
        let sync = RecordSync::<U>::new(SourceRecords::new(source), self.store.clone()).without_guard();
        self.run(sync, queue);
    }

    fn run<H: Handler>(&self, handler: H, queue: &MemoryQueue) {
        let options = Options {
            visibility_timeout: Duration::from_secs(30),
            receive_wait: Duration::from_secs(1),
            retry: RetryPolicy {
                // Requests on this network fail often. No message may be dead-lettered for that.
                max_attempts: 1000,
                base: Duration::from_secs(1),
                cap: Duration::from_secs(2),
            },
            probe_interval: Duration::from_millis(50),
            longest_probe_interval: Duration::from_millis(200),
            ..Options::default()
        };
        let (queue, dlq) = (queue.clone(), self.dlq.clone());
        let ledger = PostgresLedger::new(self.store.clone(), H::NAME, "convergence");
        let runtime = Runtime::new(handler, queue, dlq, ledger, options, Liveness::default());
        tokio::spawn(runtime.run(Mode::Forever, self.stop.clone()));
    }

    /// Starts the relay, and the delivery of the CRM's own events.
    fn start_carriers(&self) {
        let (store, bus, stop) = (self.store.clone(), self.bus.clone(), self.stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                bus.carry_announcements(&store).await;
            }
        });
        let (crm, bus, stop) = (self.providers.crm.control(), self.bus.clone(), self.stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let busy = bus.clone().busy();
                for event in crm.take_events() {
                    bus.carry_or_lose(&bus.queues.crm_sync, event.to_envelope_json());
                }
                drop(busy);
                bus.chaos.delay().await;
                tokio::task::yield_now().await;
            }
        });
    }

    /// Runs all histories concurrently to their end, delivers their events meanwhile, and lets malfunctions happen.
    pub(crate) async fn live(&self, histories: &mut [History]) {
        let records = Records::of(histories);
        let lives = join_all(histories.iter_mut().map(|history| self.live_one(history)));
        join(lives, self.malfunction(&records)).await;
    }

    async fn live_one(&self, history: &mut History) {
        while let Some(events) = history.next(&self.providers) {
            for event in events {
                let body = event.to_envelope_json();
                if is_of_verifier(&event) {
                    self.bus.carry_or_lose(&self.bus.queues.identity_verification, body);
                } else {
                    history.idp_events.push(body.clone());
                    self.bus.carry_or_lose(&self.bus.queues.sso_sync, body);
                }
            }
            let longest = if self.bus.chaos.happens(0.3) { LONG_WHILE } else { SHORT_WHILE };
            self.bus.chaos.pass_up_to(longest).await;
        }
    }
}

fn is_of_verifier(event: &NativeEvent) -> bool {
    let verification = ["aws.partner/stripe.com/", "coppice.ingress.persona"];
    verification.iter().any(|source| event.source.starts_with(source))
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
