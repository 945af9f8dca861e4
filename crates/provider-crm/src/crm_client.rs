//! The CRMs that a binary can be set up with, as one type.

use event_contract::Envelope;
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{
    ContactWrite, ContactWritten, CrmEvent, CrmProvider, FetchedContact, SalesforceClient, UnreadableEvent,
};

/// One of the CRMs, chosen by settings at start-up. An enum and not `dyn`: the compiler checks that every CRM is
/// handled everywhere, and futures need no boxes.
#[derive(Debug, Clone)]
pub enum CrmClient {
    /// Salesforce.
    Salesforce(SalesforceClient),
}

impl CrmProvider for CrmClient {
    fn source(&self) -> &'static str {
        match self {
            Self::Salesforce(client) => client.source(),
        }
    }

    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
        match self {
            Self::Salesforce(client) => client.read_event(envelope),
        }
    }

    async fn fetch_contacts(&self, ids: &[String]) -> Result<Vec<FetchedContact>, ProviderError> {
        match self {
            Self::Salesforce(client) => client.fetch_contacts(ids).await,
        }
    }

    async fn upsert_contact(&self, write: &ContactWrite) -> Result<ContactWritten, ProviderError> {
        match self {
            Self::Salesforce(client) => client.upsert_contact(write).await,
        }
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        match self {
            Self::Salesforce(client) => client.list(after).await,
        }
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        match self {
            Self::Salesforce(client) => client.changes(from).await,
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        match self {
            Self::Salesforce(client) => client.ping().await,
        }
    }
}
