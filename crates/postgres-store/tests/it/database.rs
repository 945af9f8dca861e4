//! A database with the schema, and short functions for readings and rows.

use authority::{Policy, Role};
use event_contract::{Hop, TraceContext};
use local_stack::{PgBouncer, TestDatabase, Tools};
use postgres_store::{
    Announce, ConfigFile, DeclaredSource, Identity, PersonReading, ReadingResult, RecordState, Store, Write,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::IDP;
use crate::link_faults::announce;

/// A migrated database.
pub(crate) struct Database {
    pub(crate) store: Store,
    /// Direct access, past the store.
    pub(crate) pool: PgPool,
    /// For a store: the pooler's, if this run has poolers.
    pub(crate) url: String,
    /// Of the server itself.
    pub(crate) direct: String,
    _pooler: Option<PgBouncer>,
    // Last, so that it ends after the connections.
    pub(crate) test_database: TestDatabase,
}

impl Database {
    pub(crate) async fn start() -> Self {
        Self::on(TestDatabase::migrated().await.unwrap()).await
    }

    /// With the SQL role of a unit.
    pub(crate) async fn start_as(unit: &str) -> Self {
        let database = Self::start().await;
        Self { store: open(&database.test_database.url_of(unit)), ..database }
    }

    /// On a server that the test stops.
    pub(crate) async fn on_its_own_server() -> Self {
        Self::on(TestDatabase::on_its_own_server(&tools()).await.unwrap()).await
    }

    /// Without the schema.
    pub(crate) async fn start_empty() -> Self {
        Self::on(TestDatabase::empty().await.unwrap()).await
    }

    async fn on(test_database: TestDatabase) -> Self {
        let direct = test_database.url().to_owned();
        let pooler = PgBouncer::of_this_run(&tools(), &direct).await.unwrap();
        let url = pooler.as_ref().map_or_else(|| direct.clone(), |pooler| pooler.through(&direct));
        let pool = PgPool::connect_lazy(&direct).unwrap();
        Self { store: open(&url), pool, url, direct, _pooler: pooler, test_database }
    }

    /// As the job `migrate`, which has a session to itself.
    pub(crate) async fn migrate(&self) {
        open(&self.direct).migrate().await.unwrap();
    }

    /// Applies readings in one batch.
    pub(crate) async fn apply(&self, readings: &[PersonReading]) -> Vec<ReadingResult> {
        self.store.apply_person_readings(IDP, readings).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.pool).await.unwrap()
    }

    /// Rows of text, in the order of the query.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&self.pool).await.unwrap()
    }

    /// The physical version of every row that a reading may write: any write changes them.
    pub(crate) async fn row_versions(&self) -> Vec<String> {
        let one = |table: &str| format!("select '{table} ' || xmin::text || ctid::text as row from {table}");
        let all = ["person", "source_record", "identity", "outbox"].map(one).join(" union all ");
        self.texts(&format!("{all} order by row")).await
    }
}

fn tools() -> Tools {
    Tools::locate_or_install(|sentence| eprintln!("{sentence}")).unwrap()
}

pub(crate) fn open(url: &str) -> Store {
    Store::open(&url.to_owned().into(), 8).unwrap().with_policy(policy(""))
}

/// The built-in fields and rules under these, and what is pushed to the CRM.
pub(crate) fn policy(rules: &str) -> Policy {
    config(rules).policy().unwrap()
}

/// The same as a file that can be applied.
pub(crate) fn config(rules: &str) -> ConfigFile {
    let push = "push.crm.fields = [\"email\", \"phone\", \"given_name\", \"family_name\", \"birthdate\"]";
    let crm = DeclaredSource { role: Role::Crm, connector: String::from("salesforce") };
    let sources = [(String::from("crm"), crm)].into();
    ConfigFile { policy: format!("{push}\n{rules}"), sources }
}

/// Applies these rules in batches, also if they were applied before. Returns how many persons were computed and changed.
pub(crate) async fn apply_config(store: &Store, rules: &str, batch: u32) -> (usize, usize) {
    let (author, proof) = ("ada".parse().unwrap(), Write::if_wanted(true).unwrap());
    let version = store.begin_config(&config(rules), &author, None, &proof).await.unwrap().version;
    store.restart_config(version, &proof).await.unwrap();
    let (mut computed, mut changed) = (0, 0);
    loop {
        let done = store.compute_config_batch(version, batch, announce(), &proof).await.unwrap();
        computed += done.computed;
        changed += done.changed;
        if done.last.is_none() {
            return (computed, changed);
        }
    }
}

/// A version: a number of milliseconds. Whole thousands are coarse.
pub(crate) fn at(milliseconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::milliseconds(milliseconds)
}

/// A record that is there, with a content that shows in the person's email. It names one identity, its own.
pub(crate) fn found(id: &str, content: &str, version: Option<i64>, ticket: i64) -> PersonReading {
    naming(id, content, &[id], version, ticket)
}

/// A record that is there, and the identities that it names.
pub(crate) fn naming(
    id: &str,
    content: &str,
    subjects: &[&str],
    version: Option<i64>,
    ticket: i64,
) -> PersonReading {
    let identities = subjects.iter().map(|subject| Identity {
        provider: String::from("db"),
        subject: String::from(*subject),
        connection: None,
    });
    let email = format!("{content}@example.org");
    let record = json!({ "content": content, "email": email, "identities": subjects });
    let state = RecordState::Present { record, external_key: None, identities: identities.collect() };
    reading(id, state, version, ticket)
}

/// A record that is gone.
pub(crate) fn gone(id: &str, version: Option<i64>, ticket: i64) -> PersonReading {
    reading(id, RecordState::Gone { merged_into: None, proved: true }, version, ticket)
}

fn reading(id: &str, state: RecordState, version: Option<i64>, ticket: i64) -> PersonReading {
    let announce = Announce {
        cause: Uuid::now_v7(),
        hop: Hop::OUTSIDE.next().unwrap(),
        traceparent: TraceContext::start(),
    };
    let version_at = version.map(at);
    PersonReading {
        external_id: id.to_owned(),
        state,
        version_at,
        etag: None,
        ticket,
        announce,
        announces: None,
    }
}
