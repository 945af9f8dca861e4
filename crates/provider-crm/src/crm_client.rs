//! The CRMs, each named once.

use event_contract::{Envelope, UnreadableEvent, read_by_any};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{
    ContactWrite, ContactWritten, CrmEvent, CrmProvider, FetchedContact, HubSpotClient, HubSpotConfig,
    SalesforceClient, SalesforceConfig, hubspot, salesforce,
};

provider_http::vendors! {
    /// One of the CRMs, chosen by settings at start-up.
    pub enum CrmClient reading CrmEvent {
        /// Salesforce.
        Salesforce(SalesforceClient, SalesforceConfig) from salesforce,
        /// `HubSpot`.
        HubSpot(HubSpotClient, HubSpotConfig) from hubspot,
    }
}

/// The source of an event of any CRM, and what it asks for. Pure: for tools that look at events and have no CRM's settings.
///
/// # Errors
/// As [`CrmProvider::read_event`]; [`UnreadableEvent::ForeignSource`] when it is no CRM's.
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, CrmEvent), UnreadableEvent> {
    read_by_any(EVENT_READERS, envelope, "a CRM")
}

impl CrmProvider for CrmClient {
    fn source(&self) -> &'static str {
        each!(self, client => client.source())
    }

    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
        each!(self, client => client.read_event(envelope))
    }

    async fn fetch_contacts(&self, ids: &[String]) -> Result<Vec<FetchedContact>, ProviderError> {
        each!(self, client => client.fetch_contacts(ids).await)
    }

    async fn upsert_contact(&self, write: &ContactWrite) -> Result<ContactWritten, ProviderError> {
        each!(self, client => client.upsert_contact(write).await)
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        each!(self, client => client.list(after).await)
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        each!(self, client => client.changes(from).await)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        each!(self, client => client.ping().await)
    }
}
