//! Waits until the fleet is idle, and checks that repeated events change nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use local_stack::wait_until;
use postgres_store::LeasedAnnouncement;
use serde_json::Value;
use uuid::Uuid;

use crate::bus::envelope;
use crate::fleet::Fleet;
use crate::history::History;

/// Longest time until the fleet is idle. An endless loop of events exceeds it.
const PATIENCE: Duration = Duration::from_secs(900);

impl Fleet {
    /// Waits until the fleet is idle: no event is being delivered, none waits, and the previous ones have caused no new one.
    pub(crate) async fn quiet(&self) {
        let mut before = None;
        let quiet = wait_until(PATIENCE, "the fleet to be idle", async || {
            self.bus.find_lost_events();
            let carried = self.bus.carried.load(Ordering::SeqCst);
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            let still = waiting == 0 && self.providers.crm.waiting_events() == 0 && self.bus.is_empty();
            // These reads are not one snapshot. Only two equal results in a row show that the fleet is idle.
            let rested = still && before == Some(carried);
            before = still.then_some(carried);
            Ok(rested.then_some(()))
        });
        if quiet.await.is_err() {
            let queues = self.bus.queues.all().map(|queue| queue.messages().len());
            panic!(
                "not idle: messages in sso-sync, crm-sync, identity-verification, crm-account: {queues:?}; {}; {}",
                self.waiting_for_the_crm().await.join("; "),
                self.failures().await.join("; ")
            );
        }
    }

    /// The failures of messages that are not settled, and the open breakers.
    async fn failures(&self) -> Vec<String> {
        let failures = "select queue || ' ' || message_id || ': ' || class || ' ' || coalesce(detail, '') \
                        from message_failure order by failed_at desc limit 20";
        let open = "select upstream || ' is open: ' || reason from upstream_breaker where open";
        let mut lines: Vec<String> = sqlx::query_scalar(failures).fetch_all(&self.pool).await.unwrap();
        lines.extend(sqlx::query_scalar::<_, String>(open).fetch_all(&self.pool).await.unwrap());
        lines
    }

    /// Reads again what a malfunction may have hidden, as the runbook says: the missing records, then every contact and user.
    pub(crate) async fn resync(&self, histories: &[History]) {
        for missing in self.store.missing_records(Some("salesforce"), 100_000).await.unwrap() {
            let event = self.providers.crm.gap_event(&[&missing.external_id]);
            self.bus.carry(&self.bus.queues.crm_sync, event.to_envelope_json());
        }
        self.quiet().await;
        for contact in histories.iter().flat_map(History::contacts) {
            let event = self.providers.crm.gap_event(&[&contact]);
            self.bus.carry(&self.bus.queues.crm_sync, event.to_envelope_json());
        }
        for event in histories.iter().flat_map(|history| &history.idp_events) {
            self.bus.carry(&self.bus.queues.sso_sync, event.clone());
        }
        self.quiet().await;
    }

    /// The persons for whom a message waits in the queue of `crm-account`, with the reasons to wait.
    async fn waiting_for_the_crm(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        for message in self.bus.queues.crm_account.messages() {
            let body: Value = serde_json::from_str(&message.body).unwrap();
            let person: Uuid = body["detail"]["entity_id"].as_str().unwrap().parse().unwrap();
            let views = self.store.crm_views("salesforce", &[person]).await.unwrap();
            let view = views.get(&person).map(|view| {
                let contact = view.contact.as_ref().map(|contact| &contact.external_id);
                let holder = self.providers.crm.by_key(&person.to_string()).map(|contact| contact.id);
                format!(
                    "contact {contact:?} with key {:?}, pushed {:?}, key elsewhere {}, in the CRM at {holder:?}",
                    view.contact_key, view.pushed, view.key_elsewhere
                )
            });
            waiting.push(format!("{person}: {view:?}"));
        }
        waiting
    }

    /// Repeats a change event for every person and every contact. Returns the CRM writes and the announcements that this
    /// causes: both should be 0.
    pub(crate) async fn repeat_everything(&self) -> (usize, usize) {
        let so_far = || (self.providers.crm.writes(), self.bus.announced.load(Ordering::SeqCst));
        let before = so_far();
        let persons = "select person_id, revision from person where merged_into is null";
        for (person, revision) in sqlx::query_as(persons).fetch_all(&self.pool).await.unwrap() {
            let leased = LeasedAnnouncement {
                kind: EventKind::PersonChanged,
                announcement: repeated(person, revision),
            };
            self.bus.carry(&self.bus.queues.crm_account, envelope(&leased));
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
