//! The trait of all CRMs, and their answers.

use std::future::Future;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{ContactWrite, ContactWritten, CrmContact};

/// A CRM: reads its own events, fetches its contacts, and accepts our values.
pub trait CrmProvider: Send + Sync + 'static {
    /// The source's stable name, `salesforce`. Rows contain it.
    fn source(&self) -> &'static str;

    /// Which contacts an event names. Pure.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this CRM's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent>;

    /// The contacts as the CRM says they are now: one answer for each of `ids`, in their order.
    ///
    /// # Errors
    /// Any [`ProviderError`], for all of them.
    fn fetch_contacts(
        &self,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<FetchedContact>, ProviderError>> + Send;

    /// Writes the contact with [`ContactWrite::id`], else the one with [`ContactWrite::external_key`], else a new one. A value
    /// that the CRM does not accept costs no other: [`ContactWritten::refused`] has it.
    ///
    /// # Errors
    /// Any [`ProviderError`]. [`ProviderError::Invalid`] with status 404: the contact with that ID is gone.
    fn upsert_contact(
        &self,
        write: &ContactWrite,
    ) -> impl Future<Output = Result<ContactWritten, ProviderError>> + Send;

    /// One page of all contacts; `after` is the previous page's `next`. If a contact is not listed, it may still exist.
    ///
    /// # Errors
    /// Any [`ProviderError`]. After an error, read the same page again.
    fn list(&self, after: Option<&str>) -> impl Future<Output = Result<ListedPage, ProviderError>> + Send;

    /// One page of the contacts that changed since. A feed rereads a little, because a provider may show a change late.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Invalid`] when the provider does not know the cursor, or no longer.
    fn changes(
        &self,
        from: ChangesFrom<'_>,
    ) -> impl Future<Output = Result<ChangedPage, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a used-up quota does not count as an answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmEvent {
    /// Read these contacts again.
    Contacts(Vec<RecordHint>),
    /// So much has changed that the CRM does not say what: read all contacts again.
    ResyncAll,
    /// Well-formed, and not about contacts.
    Ignored,
}

/// What a CRM answers about one contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedContact {
    /// As it is now.
    Found(Box<CrmContact>),
    /// The CRM says that it was deleted or merged.
    Gone {
        /// The contact that it was merged into, if the CRM knows. That contact may be merged, too.
        merged_into: Option<String>,
    },
    /// The answer lacks the contact: it was removed for good, or our user may not see it.
    NotVisible,
}
