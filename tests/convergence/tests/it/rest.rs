//! When nothing moves any more, and that nothing moves for nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use local_stack::wait_until;
use postgres_store::LeasedAnnouncement;
use uuid::Uuid;

use crate::bus::envelope;
use crate::fleet::Fleet;

/// Longest that everything may take to come to rest. A loop that never ends does not.
const PATIENCE: Duration = Duration::from_secs(120);

impl Fleet {
    /// Waits until nothing moves: no event is under way, none is waiting, none comes of what there was.
    pub(crate) async fn quiet(&self) {
        let mut before = None;
        let quiet = wait_until(PATIENCE, "everything to come to rest", async || {
            self.bus.find_what_was_lost();
            let carried = self.bus.carried.load(Ordering::SeqCst);
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            let still = waiting == 0 && self.providers.crm.waiting_events() == 0 && self.bus.is_empty();
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

    /// Says once more of every person and of every contact that it has changed, and answers what came of it: writes of the
    /// CRM, and announcements.
    pub(crate) async fn repeat_everything(&self) -> (usize, usize) {
        let so_far = || (self.providers.crm.writes(), self.bus.announced.load(Ordering::SeqCst));
        let before = so_far();
        let persons = "select person_id, revision from person where merged_into is null";
        for (person, revision) in sqlx::query_as(persons).fetch_all(&self.pool).await.unwrap() {
            let claimed = LeasedAnnouncement {
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
