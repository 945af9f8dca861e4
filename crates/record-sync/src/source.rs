//! What a source of records can do for the handler.

use std::fmt::Display;
use std::future::Future;

use authority::Role;
use event_contract::{Envelope, EventKind};
use postgres_store::RecordState;
use provider_http::{Absence, ProviderError};
use time::OffsetDateTime;
use worker_runtime::Demand;

/// The subject of an event that names no record: it requests a full resync.
pub use event_contract::EVERYTHING;

/// One source: its events and its records.
pub trait RecordSource: Send + Sync + 'static {
    /// The unit's name: folder, binary, queue stem and metric label.
    const NAME: &'static str;

    /// What the source is to the organization.
    const ROLE: Role;

    /// The source's stable name, `auth0`: it stands in rows, and names the breaker.
    fn source(&self) -> &'static str;

    /// Which records an event names. Pure.
    ///
    /// # Errors
    /// Why the event cannot be read. The text does not quote the event.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display>;

    /// The record as the source says it is now.
    ///
    /// # Errors
    /// Any [`ProviderError`]. A record that is not there is an answer: [`FetchedRecord`] has three for it.
    fn fetch(
        &self,
        id: &str,
        known_etag: Option<&str>,
    ) -> impl Future<Output = Result<FetchedRecord, ProviderError>> + Send;

    /// One cheap authenticated call: the breaker's probe.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// What a source answers about one record.
pub enum FetchedRecord {
    /// As it is now.
    Found(Box<FoundRecord>),
    /// The copy with the known entity tag is current.
    NotModified,
    /// The source says that it was deleted, or merged.
    Gone {
        /// The record of the same source that it was merged into, where the source says so.
        merged_into: Option<String>,
    },
    /// The source finds no such record, as it documents for one that was deleted.
    NotFound,
    /// The answer lacks the record: it was deleted, or our user may not see it.
    NotVisible,
}

impl From<Absence> for FetchedRecord {
    fn from(absence: Absence) -> Self {
        match absence {
            Absence::Deleted => Self::Gone { merged_into: None },
            Absence::NotFound => Self::NotFound,
            Absence::NotVisible => Self::NotVisible,
        }
    }
}

/// A record that is there. Holds personal data: no `Debug`.
pub struct FoundRecord {
    /// The source's own ID: an event may have named the record by another.
    pub id: String,
    /// The source's own ordered version, where it has one.
    pub version_at: Option<OffsetDateTime>,
    /// The source's opaque version.
    pub etag: Option<String>,
    /// What is kept of it.
    pub state: RecordState,
    /// What is announced besides `PersonChanged` if the record has changed to this.
    pub announces: Option<EventKind>,
}
