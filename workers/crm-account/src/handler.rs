//! The worker's steps: read a person's ID from an announcement, read the person from Postgres, push values to the CRM.

use std::collections::BTreeMap;
use std::time::Duration;

use authority::Field;
use event_contract::{Announcement, Envelope, EventKind};
use postgres_store::{Announce, CrmView, Store, WrittenContact};
use provider_crm::{ContactWritten, CrmProvider, ProviderError, RefusedField};
use record_sync::{announce, from_provider, from_store};
use uuid::Uuid;
use worker_runtime::{Cause, Demand, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal};

use crate::decision::{Decision, decide};

/// The handler. It works with every CRM connector.
pub struct CrmAccountHandler<P> {
    crm: P,
    store: Store,
}

/// What the worker did for a person.
#[derive(Clone)]
pub enum Push {
    /// There was nothing to push.
    Nothing,
    /// The worker cannot push yet. Check again after this time.
    Later(Duration),
    /// The worker has written a contact.
    Written(WrittenContact),
    /// The CRM has deleted the contact. `crm-sync` receives the event about that.
    Gone,
}

impl<P: CrmProvider> CrmAccountHandler<P> {
    /// Creates a handler that reads from `store` and writes to `crm`.
    pub const fn new(crm: P, store: Store) -> Self {
        Self { crm, store }
    }
}

impl<P: CrmProvider> CrmAccountHandler<P> {
    /// What became of the pushed values. If the CRM refused some, the others are recorded, and the message fails.
    async fn written(
        &self,
        view: &CrmView,
        push_ticket: i64,
        announce: Announce,
        ContactWritten { id, refused, .. }: ContactWritten,
        mut accepted: BTreeMap<Field, String>,
    ) -> Result<Push, Failure> {
        refused.iter().for_each(|refused| drop(accepted.remove(refused.field.as_str())));
        let written = WrittenContact {
            person_id: view.person_id,
            revision: view.revision,
            external_id: id,
            pushed_hash: view.push_key.hash_of_push(self.store.policy(), view.person_id, &accepted),
            push_ticket,
            announce,
        };
        if refused.is_empty() {
            return Ok(Push::Written(written));
        }
        if !accepted.is_empty() {
            self.record(&[written]).await?;
        }
        Err(refusal(&refused))
    }

    async fn record(&self, written: &[WrittenContact]) -> Result<(), Failure> {
        let recorded = self.store.record_crm_accounts(self.crm.source(), written).await;
        recorded.map_err(|error| from_store(&error))
    }
}

/// The reason for which a message fails whose other values were written.
fn refusal(refused: &[RefusedField]) -> Failure {
    let named: Vec<String> =
        refused.iter().map(|refused| format!("{} ({})", refused.field.as_str(), refused.code)).collect();
    let detail = format!("the CRM does not accept {}; it has all other values", named.join(", "));
    Failure::Rejected { class: "provider_refused", detail, names_record: true }
}

impl<P: CrmProvider> Handler for CrmAccountHandler<P> {
    const NAME: &'static str = "crm-account";
    type Subject = Uuid;
    type Ticket = Option<CrmView>;
    type Fetched = Push;

    fn upstream(&self) -> &str {
        self.crm.source()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<Uuid>, Refusal> {
        let (kind, event) = Announcement::parse(envelope).map_err(Refusal::unreadable)?;
        let cause = Cause { event_id: event.event_id, hop: event.hop, trace: event.traceparent };
        let person = Demand { subject: event.entity_id, not_before: None, removed: false };
        let demands = match kind {
            EventKind::PersonChanged | EventKind::IdentityVerified => vec![person],
            EventKind::AppLoginRecorded | EventKind::CrmAccountLinked | EventKind::ContentChanged => {
                Vec::new()
            }
        };
        Ok(Reading { cause, demands })
    }

    async fn prepare(&self, subjects: &[Uuid]) -> Result<Vec<Option<CrmView>>, Failure> {
        // The runtime has received the last message about each of these persons.
        let views = self.store.crm_views(self.crm.source(), subjects).await;
        let mut views = views.map_err(|error| from_store(&error))?;
        Ok(subjects.iter().map(|person| views.remove(person)).collect())
    }

    async fn fetch(&self, refetch: &Refetch<Uuid>, view: Option<CrmView>) -> Result<Push, Failure> {
        // The person does not exist, or was merged. A merge also announces the person that remains.
        let Some(view) = view else { return Ok(Push::Nothing) };
        let write = match decide(&view, self.store.policy(), refetch.age()) {
            Decision::Nothing => return Ok(Push::Nothing),
            Decision::Later(wait) => return Ok(Push::Later(wait)),
            Decision::Contested => {
                tracing::warn!(person_id = %view.person_id, "the CRM changes our values back: no further push for an hour");
                return Ok(Push::Nothing);
            }
            Decision::Write(write) => write,
        };
        let announce = announce(refetch.cause)?;
        let contact = write.contact.id.as_ref().unwrap_or(&write.contact.external_key);
        let remembered =
            self.store.remember_pushed(self.crm.source(), contact, &view.push_key, &write.pushed).await;
        let push_ticket = remembered.map_err(|error| from_store(&error))?;
        match self.crm.upsert_contact(&write.contact).await {
            Ok(answer) => self.written(&view, push_ticket, announce, answer, write.pushed).await,
            Err(ProviderError::Invalid { status: 404 }) => Ok(Push::Gone),
            Err(error) => Err(from_provider(&error)),
        }
    }

    fn went_through(&self, push: &Push) -> bool {
        matches!(push, Push::Written(_))
    }

    async fn apply(&self, batch: &[(Refetch<Uuid>, Push)]) -> Result<Vec<Outcome>, Failure> {
        let written: Vec<WrittenContact> = batch
            .iter()
            .filter_map(|(_, pushed)| match pushed {
                Push::Written(contact) => Some(contact.clone()),
                Push::Nothing | Push::Later(_) | Push::Gone => None,
            })
            .collect();
        if !written.is_empty() {
            self.record(&written).await?;
        }
        let outcome = |pushed: &Push| match pushed {
            Push::Nothing => Outcome::Unchanged,
            Push::Later(wait) => Outcome::Snooze(*wait),
            Push::Written(_) => Outcome::Applied,
            Push::Gone => Outcome::Gone,
        };
        Ok(batch.iter().map(|(_, pushed)| outcome(pushed)).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        // Nothing is written for a probe: that the CRM answers does not show that it takes what the worker writes.
        self.crm.ping().await.map_err(|error| from_provider(&error))?;
        Ok(Probed::Answers)
    }
}
