//! Three reads of one record that changed twice within one second, so that both states have the same version. In a random
//! history their order occurs once in thousands of lives: the newest read gets "not modified", and an older read arrives
//! after it.

use authority::Role;
use event_contract::{Hop, TraceContext};
use local_stack::TestDatabase;
use postgres_store::{RefetchTicket, Store};
use record_sync::{RecordSync, Reread, SourceRecords};
use serde_json::json;
use simulators::okta::{OktaSimulator, SimulatedUser};
use sso_sync::SsoSync;
use time::OffsetDateTime;
use uuid::Uuid;
use worker_runtime::{Cause, Handler, Outcome, Refetch, Removed};

use crate::providers::source;

struct Scene {
    okta: OktaSimulator,
    handler: RecordSync<SsoSync>,
    pool: sqlx::PgPool,
    _database: TestDatabase,
}

impl Scene {
    async fn start() -> Self {
        let database = TestDatabase::migrated().await.unwrap();
        let url = database.url().to_owned();
        let store = Store::open(&url.clone().into(), 4).unwrap();
        let okta = OktaSimulator::start().await;
        let settings = json!({"url": okta.base_url(), "api_token": okta.api_token()});
        let handler = RecordSync::new(SourceRecords::new(source("okta", Role::Sso, &settings)), store);
        Self { okta, handler, pool: sqlx::PgPool::connect(&url).await.unwrap(), _database: database }
    }

    async fn draw(&self, id: &str) -> RefetchTicket {
        self.handler.prepare(&[id.to_owned()]).await.unwrap().remove(0)
    }

    async fn read(&self, id: &str, ticket: RefetchTicket) -> (Refetch<String>, Reread) {
        let cause = Cause { event_id: Uuid::new_v4(), hop: Hop::OUTSIDE, trace: TraceContext::start() };
        let refetch = Refetch {
            subject: id.to_owned(),
            not_before: None,
            removed: Removed::No,
            cause,
            sent_at: OffsetDateTime::now_utc(),
        };
        let reread = self.handler.fetch(&refetch, ticket).await.unwrap();
        (refetch, reread)
    }

    async fn write(&self, read: (Refetch<String>, Reread)) -> Outcome {
        self.handler.apply(&[read]).await.unwrap().remove(0)
    }

    async fn stored_phone(&self, id: &str) -> Option<String> {
        let phone = "select record ->> 'phone' from source_record where external_id = $1";
        sqlx::query_scalar(phone).bind(id).fetch_one(&self.pool).await.unwrap()
    }

    /// Creates an Okta user with two states in one second, and stores the newer one. Returns two reads that began later
    /// than the stored one: a read of the older state, and a read that Okta answered with "not modified".
    async fn two_readings(&self) -> (String, [(Refetch<String>, Reread); 2]) {
        for attempt in 0.. {
            let id = format!("00u1second{attempt}");
            let mut user = SimulatedUser::new(&id);
            user.mobile_phone = Some(String::from("+15550000001"));
            let created = self.okta.put_user(user).user.last_updated;
            let first = self.draw(&id).await;
            let second = self.draw(&id).await;
            let older = self.read(&id, second).await;
            let change = self.okta.update(&id, |user| user.mobile_phone = Some(String::from("+15550000002")));
            if change.user.last_updated != created {
                // The second ended between the two changes. Try again.
                continue;
            }
            let newer = self.read(&id, first).await;
            assert_eq!(self.write(newer).await, Outcome::Applied);
            let third = self.draw(&id).await;
            let unmodified = self.read(&id, third).await;
            assert!(matches!(unmodified.1, Reread::NotModified { .. }));
            return (id, [older, unmodified]);
        }
        unreachable!("attempts do not end")
    }
}

#[tokio::test]
async fn an_older_state_that_arrives_after_not_modified_is_not_written() {
    let scene = Scene::start().await;
    let (id, [older, unmodified]) = scene.two_readings().await;
    assert_eq!(scene.write(unmodified).await, Outcome::Unchanged);
    assert_eq!(scene.write(older).await, Outcome::Unchanged);
    assert_eq!(scene.stored_phone(&id).await.as_deref(), Some("+15550000002"));
}

#[tokio::test]
async fn not_modified_causes_another_read_if_an_older_state_was_written() {
    let scene = Scene::start().await;
    let (id, [older, unmodified]) = scene.two_readings().await;
    scene.write(older).await;
    assert!(matches!(scene.write(unmodified).await, Outcome::Snooze(_)));
    let again = scene.draw(&id).await;
    let again = scene.read(&id, again).await;
    scene.write(again).await;
    assert_eq!(scene.stored_phone(&id).await.as_deref(), Some("+15550000002"));
}
