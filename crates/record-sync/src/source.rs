//! A source as the steps use it: many refetches at once become few calls, and a record becomes what is stored of it.

use std::sync::Arc;

use authority::Role;
use connectors::{Fetched, ProviderError, Record, RecordEvent, RecordHint, Source, UnreadableEvent};
use event_contract::{Envelope, EventKind};
use postgres_store::{Identity, RecordState};
use time::OffsetDateTime;
use worker_runtime::Demand;

use crate::batches::Batches;
use crate::unread::note_unread;

/// The subject of an event that names no record: it requests a full resync.
pub use event_contract::EVERYTHING;

/// The records of one source.
pub struct SourceRecords {
    source: Source,
    batches: Option<Batches>,
}

impl SourceRecords {
    /// Reads from `source`, in tasks of the current tokio runtime if it reads several records in one call. Makes no call yet.
    ///
    /// # Panics
    /// Panics outside a tokio runtime.
    pub fn new(source: Source) -> Self {
        let batches = source.records.batches().is_some().then(|| Batches::start(Arc::clone(&source.records)));
        Self { source, batches }
    }

    /// The source's name. It stands in rows, and names the breaker.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// What the source is to the organization.
    pub const fn role(&self) -> Role {
        self.source.role
    }

    /// The source itself.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Which records an event names. Pure.
    ///
    /// # Errors
    /// Why the event cannot be read. The text does not quote the event.
    pub fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, UnreadableEvent> {
        let everything = || Demand { subject: EVERYTHING.to_owned(), not_before: None, removed: false };
        Ok(match self.source.read_event(envelope)? {
            RecordEvent::Records(hints) => hints.into_iter().map(demand).collect(),
            RecordEvent::Everything => vec![everything()],
        })
    }

    /// The record as the source says it is now.
    ///
    /// # Errors
    /// Any [`ProviderError`]. A record that is not there is an answer.
    pub async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let mut fetched = match &self.batches {
            Some(batches) => batches.fetch(id).await?,
            None => self.source.records.fetch(id, known_etag).await?,
        };
        if let Fetched::Found(record) = &mut fetched {
            note_unread(self.name(), &record.id, &record.unread);
            // A connector reads what its vendor says, whatever the role. An internal directory's users are no accounts.
            if !self.role().has_accounts() {
                record.account = None;
            }
        }
        Ok(fetched)
    }

    /// What a deleted record gets as its version. `None`: the time of the deletion is not known.
    pub(crate) fn version_of_deleted(&self) -> Option<OffsetDateTime> {
        // Every version is newer than this one, so the order of the readings decides whether the record is back.
        self.source.records.restores_without_a_version().then_some(OffsetDateTime::UNIX_EPOCH)
    }

    /// One cheap authenticated call: the breaker's probe.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    pub async fn ping(&self) -> Result<(), ProviderError> {
        self.source.records.ping().await
    }
}

fn demand(hint: RecordHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.removed }
}

/// What is stored of a record.
pub fn stored(record: &Record) -> RecordState {
    let identities = record.account.iter().flat_map(|account| &account.identities);
    let identities = identities.map(|identity| Identity {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
    });
    RecordState::Present {
        record: record.content(),
        external_key: record.external_key.clone(),
        identities: identities.collect(),
    }
}

/// What is announced besides `PersonChanged` if the record has changed to this.
pub(crate) fn announces(record: &Record) -> Option<EventKind> {
    record.is_verified().then_some(EventKind::IdentityVerified)
}
