//! What every CRM can do for us.

use std::future::Future;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{ContactWrite, ContactWritten, CrmContact};

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

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmEvent {
    /// These contacts are to be read again.
    Contacts(Vec<RecordHint>),
    /// So much has changed that the CRM does not say what: all contacts are to be read again.
    ResyncAll,
    /// Well-formed, and not about contacts.
    Ignored,
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
