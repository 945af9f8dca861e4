//! What every CRM can do for us.

use std::future::Future;

use event_contract::Envelope;
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};
use time::OffsetDateTime;

use crate::{ContactWrite, ContactWritten, CrmContact, salesforce};

/// A CRM: reads its own events, answers for its contacts, and takes values from us.
pub trait CrmProvider: Send + Sync + 'static {
    /// The source's stable name, `salesforce`: it stands in rows.
    fn source(&self) -> &'static str;

    /// Which contacts an event names. Pure.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this CRM's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent>;

    /// The contacts as the CRM says they are now, in the order of `ids` and as many. A missing contact is
    /// [`FetchedContact::Gone`], not an error.
    ///
    /// # Errors
    /// Any [`ProviderError`], for all of them.
    fn fetch_contacts(
        &self,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<FetchedContact>, ProviderError>> + Send;

    /// Writes one contact: the one with [`ContactWrite::id`], else the one with [`ContactWrite::external_key`], else
    /// a new one.
    ///
    /// # Errors
    /// Any [`ProviderError`]. [`ProviderError::Invalid`] with status 404: the contact with that ID is gone.
    fn upsert_contact(
        &self,
        write: &ContactWrite,
    ) -> impl Future<Output = Result<ContactWritten, ProviderError>> + Send;

    /// One page of the list of all contacts, IDs and versions only. `after`: what the page before has told; `None` reads the
    /// first one. That a contact is not listed is a hint that it is gone, and no proof.
    ///
    /// # Errors
    /// Any [`ProviderError`]. The same page can be asked for again.
    fn list(&self, after: Option<&str>) -> impl Future<Output = Result<ListedPage, ProviderError>> + Send;

    /// One page of the contacts that changed since. Made to be read again from a little earlier: a change may come up late.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Invalid`] when the provider does not know the cursor, or not any more.
    fn changes(
        &self,
        from: ChangesFrom<'_>,
    ) -> impl Future<Output = Result<ChangedPage, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a used-up quota is no answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// Whose event it is, and which contacts it names, whichever CRM's it is. Pure: for tools that look at events and have no
/// CRM's settings.
///
/// # Errors
/// As [`CrmProvider::read_event`].
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, CrmEvent), UnreadableEvent> {
    salesforce::read_event(envelope).map(|event| (salesforce::SOURCE, event))
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmEvent {
    /// These contacts are to be read again.
    Contacts(Vec<ContactHint>),
    /// So much has changed that the CRM does not say what: all contacts are to be read again.
    ResyncAll,
    /// Well-formed, and not about contacts.
    Ignored,
}

/// One contact that an event names: a reason to fetch it again, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactHint {
    /// The CRM's ID, as [`CrmContact::id`] spells it.
    pub id: String,
    /// What the event says has happened.
    pub change: ContactChange,
    /// A contact fetched with an older version than this comes from a stale replica; of one that is deleted, when
    /// that was. `None`: the event does not say.
    pub not_before: Option<OffsetDateTime>,
}

/// What an event says about a contact. A hint: what the CRM answers decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactChange {
    /// Created, changed or restored: it should be there.
    Present,
    /// Deleted or merged into another: it should be gone.
    Deleted,
}

/// What a CRM answers about one contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedContact {
    /// As it is now.
    Found(Box<CrmContact>),
    /// There is no such contact, or no longer.
    Gone {
        /// The contact that it was merged into, where the CRM remembers. That one may be merged, too.
        merged_into: Option<String>,
    },
}

/// Why an event names nobody although it should. Never quotes the event: it may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    /// The event's `source` is not this CRM's: a rule routes it to the wrong queue.
    #[error("event is not from {expected}")]
    ForeignSource {
        /// The CRM that was asked to read it.
        expected: &'static str,
    },
    /// The detail is JSON, but not of this CRM's shape.
    #[error("event detail does not have the provider's shape, at line {line} column {column}")]
    Shape {
        /// Line in the detail, from 1; 0 when the fault has no place.
        line: usize,
        /// Column in the line, from 1; 0 when the fault has no place.
        column: usize,
    },
    /// An event of a known type that does not name its contact.
    #[error("event {kind} names no contact")]
    MissingId {
        /// The CRM's name of the type, from our own list.
        kind: &'static str,
    },
}

impl UnreadableEvent {
    /// Keeps the place of a JSON error, and drops its text, which quotes the input.
    pub(crate) fn shape(error: &serde_json::Error) -> Self {
        Self::Shape { line: error.line(), column: error.column() }
    }
}
