//! Waits until the fleet is idle, and checks that repeated events change nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use authority::Role;
use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use local_stack::wait_until;
use postgres_store::{CrmView, LeasedAnnouncement};
use serde_json::Value;
use uuid::Uuid;

use crate::bus::envelope;
use crate::fleet::Fleet;
use crate::forest::VERSIONS;
use crate::history::History;
use crate::oracle;
use crate::providers::{Simulated, resync_event};

/// Longest time until the fleet is idle. An endless loop of events exceeds it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);

/// The seed of the person who signs up at last: no life has it.
const NEWCOMER: u64 = 99_999_999;

impl Fleet {
    /// Waits until the fleet is idle: no event is being delivered, none waits, and the previous ones have caused no new one.
    pub(crate) async fn quiet(&self) {
        let mut before = None;
        let quiet = wait_until(PATIENCE, "the fleet to be idle", async || {
            self.bus.find_lost_events();
            let carried = self.bus.carried.load(Ordering::SeqCst);
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            let sent = self.providers.iter().all(|provider| provider.waiting_events() == 0);
            let still = waiting == 0 && sent && self.bus.is_empty();
            // These reads are not one snapshot. Only two equal results in a row show that the fleet is idle.
            let rested = still && before == Some(carried);
            before = still.then_some(carried);
            Ok(rested.then_some(()))
        });
        if quiet.await.is_err() {
            let reading = self.bus.branches.reading.iter().map(|branch| branch.queue.messages().len());
            panic!(
                "forest {} is not idle: messages for its sources: {:?}; for crm-account: {}; {}\n\n{}",
                self.forest.seed,
                reading.collect::<Vec<_>>(),
                self.waiting_for_the_crms().await.join("; "),
                self.failures().await.join("; "),
                self.files()
            );
        }
    }

    /// Both versions of the file, for a person.
    pub(crate) fn files(&self) -> String {
        let urls: Vec<String> = self.providers.iter().map(Simulated::url).collect();
        let file = |version| self.forest.file(version, &self.providers, &urls);
        (0..VERSIONS).map(|version| format!("# version {version}\n{}", file(version))).collect()
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

    /// Reads again what a malfunction may have hidden, as the runbook says: the missing records, then every record that an event or
    /// a list names.
    pub(crate) async fn resync(&self, histories: &[History]) {
        for (place, source) in self.forest.sources.iter().enumerate() {
            let missing =
                "select external_id from source_record where source = $1 and missing_since is not null";
            let missing = sqlx::query_scalar::<_, String>(missing).bind(&source.name);
            for id in missing.fetch_all(&self.pool).await.unwrap() {
                self.read_again(place, &id);
            }
        }
        self.quiet().await;
        for history in histories {
            for place in self.places_of(Role::Crm) {
                history.records(place).iter().for_each(|id| self.read_again(place, id));
            }
            for (place, event) in &history.events {
                self.bus.carry(&self.bus.branches.reading[*place].queue, event.clone());
            }
        }
        self.quiet().await;
    }

    /// A person as a CRM should see it. On a machine that does many other things, a connection may come late.
    pub(crate) async fn crm_view(&self, source: &str, person: Uuid) -> Option<CrmView> {
        let views = wait_until(PATIENCE, "a view of a person", async || {
            Ok(self.store.crm_views(source, &[person]).await.ok())
        });
        views.await.unwrap().remove(&person)
    }

    fn places_of(&self, role: Role) -> impl Iterator<Item = usize> {
        let sources = self.forest.sources.iter().enumerate();
        sources.filter(move |(_, source)| source.role == role).map(|(place, _)| place)
    }

    fn read_again(&self, place: usize, id: &str) {
        let event = resync_event(&self.forest.sources[place].name, id);
        self.bus.carry(&self.bus.branches.reading[place].queue, event);
    }

    /// The persons for whom a message waits in a queue of `crm-account`, with the reasons to wait.
    async fn waiting_for_the_crms(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        for (place, branch) in &self.bus.branches.pushing {
            let (name, crm) = (&self.forest.sources[*place].name, &self.providers[*place]);
            for message in branch.queue.messages() {
                let body: Value = serde_json::from_str(&message.body).unwrap();
                let person: Uuid = body["detail"]["entity_id"].as_str().unwrap().parse().unwrap();
                let view = self.crm_view(name, person).await.map(|view| {
                    let contact = view.contact.as_ref().map(|contact| &contact.external_id);
                    let holder = crm.contact_by_key(&person.to_string());
                    format!(
                        "contact {contact:?} with key {:?}, pushed {:?}, key elsewhere {}, in the CRM at {holder:?}",
                        view.contact_key, view.pushed, view.key_elsewhere
                    )
                });
                waiting.push(format!("{name} {person}: {view:?}"));
            }
        }
        waiting
    }

    /// Lets a person sign up when all else rests, if a source has accounts, and compares. Only the CRMs that the newest version pushes to get
    /// a contact.
    pub(crate) async fn newcomer(&self) -> Vec<String> {
        let Some(place) = self.places_of(Role::Sso).next() else { return Vec::new() };
        let mut newcomer = History::new(NEWCOMER, &self.forest, &self.providers);
        let created = || self.providers.iter().map(Simulated::created).collect::<Vec<_>>();
        let before = created();
        for (place, event) in newcomer.sign_up(place, &self.providers) {
            self.bus.carry(&self.bus.branches.reading[place].queue, event);
        }
        self.quiet().await;
        let mut different = oracle::differences(self, &newcomer).await;
        for (source, (before, after)) in self.forest.sources.iter().zip(before.iter().zip(created())) {
            let is_pushed = self.newest().policy().targets().any(|target| target == source.name);
            if after.len() - before.len() != usize::from(is_pushed) {
                let name = &source.name;
                different.push(format!(
                    "{name} had {} contacts of ours, and has {}",
                    before.len(),
                    after.len()
                ));
            }
        }
        different
    }

    /// Repeats a change event for every person and every record. Returns the writes to CRMs and the announcements that this
    /// causes: both should be 0.
    pub(crate) async fn repeat_everything(&self) -> (usize, usize) {
        let writes = || self.providers.iter().map(|provider| provider.writes()).sum::<usize>();
        let so_far = || (writes(), self.bus.announced.load(Ordering::SeqCst));
        let before = so_far();
        let persons = "select person_id, revision from person where merged_into is null";
        for (person, revision) in sqlx::query_as(persons).fetch_all(&self.pool).await.unwrap() {
            let leased = LeasedAnnouncement {
                kind: EventKind::PersonChanged,
                announcement: repeated(person, revision),
            };
            self.bus.carry_to_pushed(&envelope(&leased));
        }
        let records = "select external_id from source_record where source = $1 and gone_at is null";
        for (place, source) in self.forest.sources.iter().enumerate() {
            let records = sqlx::query_scalar::<_, String>(records).bind(&source.name);
            for id in records.fetch_all(&self.pool).await.unwrap() {
                self.read_again(place, &id);
            }
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
