//! The worker's steps: read a person's ID from an announcement, read the person from Postgres, push values to the CRM.

use std::collections::BTreeMap;
use std::time::Duration;

use authority::{Field, Policy};
use connectors::{ProviderError, RecordWrite, Source, Written};
use event_contract::{Announcement, Envelope, EventKind};
use postgres_store::{Announce, CrmView, Store, WrittenContact};
use record_sync::{announce, from_provider, from_store};
use uuid::Uuid;
use worker_runtime::{Cause, Demand, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal};

use crate::decision::{Decision, decide};
use crate::properties::Properties;

/// The handler. It works with every source that accepts our values.
pub struct CrmAccountHandler {
    crm: Source,
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
    /// An earlier push of this worker has created the contact, and it is not recorded.
    Created(WrittenContact),
    /// The CRM has deleted the contact. `crm-sync` receives the event about that.
    Gone,
}

impl CrmAccountHandler {
    /// Creates a handler that reads from `store` and writes to `crm`.
    ///
    /// # Errors
    /// When the source accepts no values, or not those that the policy pushes.
    pub fn new(crm: Source, store: Store) -> anyhow::Result<Self> {
        let Some(push) = crm.records.push() else { anyhow::bail!("{} accepts no values", crm.name()) };
        Properties::of(&store.policy(), crm.name(), push)?;
        Ok(Self { crm, store })
    }

    fn target(&self) -> Result<&dyn connectors::Push, Failure> {
        // `new` has seen it.
        let none = || Failure::Ours { class: "config", detail: String::from("the source accepts no values") };
        self.crm.records.push().ok_or_else(none)
    }

    /// By the policy of the view: a newer version of `coppice.toml` may push other fields.
    fn properties(&self, policy: &Policy) -> Result<Properties, Failure> {
        let unusable = |error: anyhow::Error| Failure::Ours { class: "config", detail: error.to_string() };
        Properties::of(policy, self.crm.name(), self.target()?).map_err(unusable)
    }

    /// What became of the pushed values. If the CRM refused some, the others are recorded, and the message fails.
    async fn written(
        &self,
        view: &CrmView,
        properties: &Properties,
        push_ticket: i64,
        announce: Announce,
        Written { id, refused, .. }: Written,
        mut accepted: BTreeMap<Field, String>,
    ) -> Result<Push, Failure> {
        let refused: Vec<_> = refused.iter().filter_map(|refused| properties.refused(refused)).collect();
        refused.iter().for_each(|(field, _)| drop(accepted.remove(*field)));
        let written = WrittenContact {
            person_id: view.person_id,
            revision: view.revision,
            external_id: id,
            pushed_hash: view.push_key.hash_of_push(&view.policy, self.crm.name(), view.person_id, &accepted),
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

    /// The push that created a contact failed before the contact was recorded, and the contact was read before the message came again.
    async fn created(&self, view: &CrmView, id: String, announce: Announce) -> Result<Push, Failure> {
        let nothing = BTreeMap::new();
        let ticket = self.store.remember_pushed(self.crm.name(), &id, &view.push_key, &nothing).await;
        Ok(Push::Created(WrittenContact {
            person_id: view.person_id,
            revision: view.revision,
            external_id: id,
            pushed_hash: view.push_key.hash_of_push(&view.policy, self.crm.name(), view.person_id, &nothing),
            push_ticket: ticket.map_err(|error| from_store(&error))?,
            announce,
        }))
    }

    async fn record(&self, written: &[WrittenContact]) -> Result<(), Failure> {
        let recorded = self.store.record_crm_accounts(self.crm.name(), written).await;
        recorded.map_err(|error| from_store(&error))
    }
}

/// The reason for which a message fails whose other values were written.
fn refusal(refused: &[(&Field, &'static str)]) -> Failure {
    let named: Vec<String> = refused.iter().map(|(field, code)| format!("{field} ({code})")).collect();
    let detail = format!("the CRM does not accept {}; it has all other values", named.join(", "));
    Failure::Rejected { class: "provider_refused", detail, names_record: true }
}

impl Handler for CrmAccountHandler {
    const NAME: &'static str = "crm-account";
    type Subject = Uuid;
    type Ticket = Option<CrmView>;
    type Fetched = Push;

    fn upstream(&self) -> &str {
        self.crm.name()
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
        let views = self.store.crm_views(self.crm.name(), subjects).await;
        let mut views = views.map_err(|error| from_store(&error))?;
        Ok(subjects.iter().map(|person| views.remove(person)).collect())
    }

    async fn fetch(&self, refetch: &Refetch<Uuid>, view: Option<CrmView>) -> Result<Push, Failure> {
        // The person does not exist, or was merged. A merge also announces the person that remains.
        let Some(view) = view else { return Ok(Push::Nothing) };
        let write = match decide(&view, self.crm.name(), refetch.age()) {
            Decision::Nothing => return Ok(Push::Nothing),
            Decision::Later(wait) => return Ok(Push::Later(wait)),
            Decision::Record(id) => return self.created(&view, id, announce(refetch.cause)?).await,
            Decision::Contested => {
                tracing::warn!(person_id = %view.person_id, "the CRM changes our values back: no further push for an hour");
                return Ok(Push::Nothing);
            }
            Decision::Write(write) => write,
        };
        let properties = self.properties(&view.policy)?;
        let announce = announce(refetch.cause)?;
        let contact = write.id.clone().unwrap_or_else(|| view.person_id.to_string());
        let remembered =
            self.store.remember_pushed(self.crm.name(), &contact, &view.push_key, &write.fields).await;
        let push_ticket = remembered.map_err(|error| from_store(&error))?;
        let values = properties.values(&write.fields);
        let record = RecordWrite { id: write.id, external_key: view.person_id.to_string(), values };
        match self.target()?.upsert(&record).await {
            Ok(answer) => self.written(&view, &properties, push_ticket, announce, answer, write.fields).await,
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
                Push::Written(contact) | Push::Created(contact) => Some(contact.clone()),
                Push::Nothing | Push::Later(_) | Push::Gone => None,
            })
            .collect();
        if !written.is_empty() {
            self.record(&written).await?;
        }
        let outcome = |pushed: &Push| match pushed {
            Push::Nothing => Outcome::Unchanged,
            Push::Later(wait) => Outcome::Snooze(*wait),
            Push::Written(_) | Push::Created(_) => Outcome::Applied,
            Push::Gone => Outcome::Gone,
        };
        Ok(batch.iter().map(|(_, pushed)| outcome(pushed)).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        // Nothing is written for a probe: that the CRM answers does not show that it takes what the worker writes.
        self.crm.records.ping().await.map_err(|error| from_provider(&error))?;
        Ok(Probed::Answers)
    }
}
