//! The simulated sources of a forest, the real handlers in the real consumer loop, and the bus between them.

use std::time::Duration;

use authority::Role;
use config::Config;
use connectors::Source;
use crm_account::CrmAccountHandler;
use crm_sync::CrmSync;
use event_contract::{Hop, TraceContext};
use futures::future::{join_all, join3};
use identity_verification::IdentityVerification;
use local_stack::{NetworkPath, TestDatabase, Tools};
use operations::config::{Application, apply, file_of};
use postgres_store::{Announce, Store, Write};
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use registry_sync::RegistrySync;
use sqlx::PgPool;
use sso_sync::SsoSync;
use testkit::Chaos;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_process::PostgresLedger;
use worker_runtime::{Handler, Liveness, Mode, Options, RetryPolicy, Runtime};

use crate::bus::{Branch, Branches, Bus};
use crate::forest::{Forest, VERSIONS};
use crate::history::History;
use crate::malfunctions::Records;
use crate::providers::{Simulated, addressed};

/// Longest time between two events of one life. Usually it is as long as a refetch, so that the second event occurs while
/// a worker reads the first. Sometimes it is longer, so that workers settle some events before the life ends.
const SHORT_WHILE: Duration = Duration::from_millis(100);
const LONG_WHILE: Duration = Duration::from_secs(6);

/// Longest time until the second version is applied. The lives last longer.
const FIRST_VERSION: Duration = Duration::from_secs(12);

/// Persons in one transaction, when a version is applied.
const BATCH: u32 = 20;

/// Two pods of each branch.
const PODS: usize = 2;

/// Connections to the database: of all first pods together, and of all second ones. With a pool for each, a fleet would take as long
/// as its slowest pool to notice that the database is silent.
const CONNECTIONS: u32 = 16;

pub(crate) struct Fleet {
    pub(crate) forest: Forest,
    /// By the place of their source.
    pub(crate) providers: Vec<Simulated>,
    /// Each version of the file, with the real addresses of the sources.
    pub(crate) configs: [Config; VERSIONS],
    /// The sources over a good network, for the oracle.
    pub(crate) direct: Vec<SourceRecords>,
    /// Of the relay and of `coppice`. Each pod has its own.
    pub(crate) store: Store,
    /// For the oracle. It goes on when the fleet's connections do not.
    pub(crate) pool: PgPool,
    pub(crate) bus: Bus,
    stop: CancellationToken,
    pub(crate) database: Mutex<TestDatabase>,
    /// The fleet's path to the database.
    pub(crate) database_path: NetworkPath,
    /// The path of `pool`.
    pub(crate) oracle_path: NetworkPath,
}

impl Fleet {
    pub(crate) async fn start(forest: Forest) -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        let mut database = TestDatabase::on_its_own_server(&tools).await.unwrap();
        let port = database.server().port();
        let [database_path, oracle_path] =
            [NetworkPath::to(port).await, NetworkPath::to(port).await].map(Result::unwrap);
        let providers = join_all(forest.sources.iter().map(|source| Simulated::start(source.connector.name)));
        let providers = providers.await;
        let urls: Vec<String> = providers.iter().map(Simulated::url).collect();
        let configs = [0, 1].map(|version| forest.config(version, &providers, &urls));
        let branches = Branches::of(&forest, &configs);
        let secrets = forest.secrets(&providers);
        let declared = forest.sources.iter().map(|source| configs[0].source(&source.name).unwrap());
        let direct = declared.map(|source| SourceRecords::new(source.connect(&secrets).unwrap())).collect();
        let fleet = Self {
            pool: PgPool::connect(&oracle_path.through(database.url())).await.unwrap(),
            store: Store::open(&database_path.through(database.url()).into(), CONNECTIONS).unwrap(),
            bus: Bus::new(Chaos::new(forest.seed), branches),
            forest,
            providers,
            configs,
            direct,
            stop: CancellationToken::new(),
            database: Mutex::new(database),
            database_path,
            oracle_path,
        };
        fleet.print_sources();
        fleet.apply(0).await;
        fleet.start_workers().await;
        fleet.start_carriers();
        fleet
    }

    fn print_sources(&self) {
        let sources = self.forest.sources.iter();
        let sources = sources.map(|one| format!("{} ({} by {})", one.name, one.role, one.connector.name));
        println!("forest {}: {}", self.forest.seed, sources.collect::<Vec<_>>().join(", "));
    }

    /// The newest version of the file.
    pub(crate) fn newest(&self) -> &Config {
        &self.configs[VERSIONS - 1]
    }

    /// Applies a version as `coppice config apply` does, and again until it is done.
    async fn apply(&self, version: usize) {
        let file = file_of(&self.configs[version]);
        let author = "convergence".parse().unwrap();
        let announce =
            Announce { cause: Uuid::now_v7(), hop: Hop::OUTSIDE, traceparent: TraceContext::start() };
        let application = Application {
            file: &file,
            author: &author,
            rolled_back_to: None,
            batch: BATCH,
            again: false,
            announce,
        };
        let proof = Write::if_wanted(true).unwrap();
        let busy = self.bus.clone().busy();
        // A malfunction of the database interrupts it. The next run resumes where it ended.
        while let Err(error) = apply(&self.store, application, &proof).await {
            println!("version {version} is not applied yet: {error}");
            self.bus.chaos.pass_up_to(Duration::from_millis(500)).await;
        }
        println!("forest {}: version {version} is applied", self.forest.seed);
        drop(busy);
    }

    async fn start_workers(&self) {
        let secrets = self.forest.secrets(&self.providers);
        for pod in 0..PODS {
            let chaos = Chaos::new(self.forest.seed ^ (0xBAD << (pod * 16)));
            let urls = join_all(self.providers.iter().map(async |one| one.behind(&chaos).await)).await;
            let config = self.forest.config(0, &self.providers, &urls);
            // Each pod finds out by itself which version is the newest.
            let url = self.database_path.through(self.database.lock().await.url());
            let store = Store::open(&url.into(), CONNECTIONS).unwrap();
            for (place, branch) in self.bus.branches.reading.iter().enumerate() {
                let declared = &self.forest.sources[place];
                let source = || config.source(&declared.name).unwrap().connect(&secrets).unwrap();
                match declared.role {
                    Role::Sso => self.sync::<SsoSync>(source(), store.clone(), branch),
                    Role::Crm => self.sync::<CrmSync>(source(), store.clone(), branch),
                    Role::Identity => self.sync::<IdentityVerification>(source(), store.clone(), branch),
                    Role::Registry => self.sync::<RegistrySync>(source(), store.clone(), branch),
                }
                if let Some(branch) = self.bus.branches.pushing.get(&place) {
                    let handler = CrmAccountHandler::new(source(), store.clone()).unwrap();
                    self.run(handler, store.clone(), branch);
                }
            }
        }
    }

    fn sync<U: RecordUnit>(&self, source: Source, store: Store, branch: &Branch) {
        // Many lives share the sources, so more records are deleted in a minute than elsewhere in an hour.
        let sync = RecordSync::<U>::new(SourceRecords::new(source), store.clone()).without_guard();
        self.run(sync, store, branch);
    }

    fn run<H: Handler>(&self, handler: H, store: Store, branch: &Branch) {
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
        let (queue, dlq) = (branch.queue.clone(), branch.dlq.clone());
        let ledger = PostgresLedger::new(store, H::NAME, "convergence");
        let runtime = Runtime::new(handler, queue, dlq, ledger, options, Liveness::default());
        tokio::spawn(runtime.run(Mode::Forever, self.stop.clone()));
    }

    /// Starts the relay.
    fn start_carriers(&self) {
        let (store, bus, stop) = (self.store.clone(), self.bus.clone(), self.stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                bus.carry_announcements(&store).await;
            }
        });
    }

    /// Delivers the CRMs' own events, until the fleet stops.
    pub(crate) async fn carry_events_of_crms(&self) -> ! {
        loop {
            let busy = self.bus.clone().busy();
            for (place, provider) in self.providers.iter().enumerate() {
                for event in provider.take_events() {
                    let body = addressed(event, &self.forest.sources[place].name);
                    self.bus.carry_or_lose(&self.bus.branches.reading[place].queue, body);
                }
            }
            drop(busy);
            self.bus.chaos.delay().await;
            tokio::task::yield_now().await;
        }
    }

    /// Runs all histories concurrently to their end, delivers their events meanwhile, lets malfunctions happen, and applies the
    /// second version of the file.
    pub(crate) async fn live(&self, histories: &mut [History]) {
        let records = Records::of(self, histories);
        let lives = join_all(histories.iter_mut().map(|history| self.live_one(history)));
        let change = async {
            self.bus.chaos.pass_up_to(FIRST_VERSION).await;
            self.apply(1).await;
        };
        join3(lives, self.malfunction(&records), change).await;
    }

    async fn live_one(&self, history: &mut History) {
        while let Some(events) = history.next(&self.providers) {
            for (place, body) in events {
                self.bus.carry_or_lose(&self.bus.branches.reading[place].queue, body);
            }
            let longest = if self.bus.chaos.happens(0.3) { LONG_WHILE } else { SHORT_WHILE };
            self.bus.chaos.pass_up_to(longest).await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
