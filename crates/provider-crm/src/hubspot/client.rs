//! The CRM API (<https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide>).

use event_contract::{Envelope, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError, ProviderHttp};

use super::config::PORTAL_SETTING;
use super::{HubSpotConfig, SOURCE, events, feed, listing, read, write};
use crate::{ContactWrite, ContactWritten, CrmEvent, CrmProvider, FetchedContact};

/// A client of one account. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct HubSpotClient {
    http: ProviderHttp,
    portal: Option<String>,
    key_property: String,
}

impl HubSpotClient {
    pub(crate) fn of(config: HubSpotConfig, http: ProviderHttp) -> Self {
        Self { http, portal: config.portal, key_property: config.key_property }
    }
}

impl CrmProvider for HubSpotClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
        let event = events::read_event(envelope)?;
        match (&self.portal, envelope.ingress_account()?) {
            (Some(own), Some(other)) if *own != other => {
                Err(UnreadableEvent::OtherAccount { setting: PORTAL_SETTING })
            }
            _ => Ok(event),
        }
    }

    async fn fetch_contacts(&self, ids: &[String]) -> Result<Vec<FetchedContact>, ProviderError> {
        // One call for 100 contacts, and one more if some of them are not found.
        read::fetch_contacts(&self.http, &self.key_property, ids).await
    }

    async fn upsert_contact(&self, write: &ContactWrite) -> Result<ContactWritten, ProviderError> {
        // Each value that is not accepted costs one more call.
        write::upsert_contact(&self.http, &self.key_property, write).await
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        listing::list(&self.http, after).await
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Without archived contacts: a search does not show them.
        feed::changes(&self.http, from).await
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        listing::ping(&self.http).await
    }
}
