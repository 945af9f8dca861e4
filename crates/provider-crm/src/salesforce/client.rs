//! The REST API (<https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm>). The user for whom
//! we act needs the permission "API Enabled", must see all contacts, and must be allowed to edit the fields that we write.

use event_contract::{Envelope, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError, ProviderHttp};
use serde::de::IgnoredAny;

use super::{SOURCE, SalesforceConfig, events, feed, listing, read, write};
use crate::{ContactWrite, ContactWritten, CrmEvent, CrmProvider, FetchedContact};

/// A client of one organization. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct SalesforceClient {
    http: ProviderHttp,
    organization: Option<String>,
}

impl SalesforceClient {
    pub(crate) fn of(config: SalesforceConfig, http: ProviderHttp) -> Self {
        Self { http, organization: config.organization }
    }
}

impl CrmProvider for SalesforceClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
        let event = events::read_event(envelope)?;
        match (&event, &self.organization) {
            (CrmEvent::Contacts(_) | CrmEvent::ResyncAll, Some(organization))
                if !events::may_be_of(envelope, organization) =>
            {
                Err(UnreadableEvent::OtherAccount { setting: "COPPICE_SALESFORCE_ORGANIZATION" })
            }
            _ => Ok(event),
        }
    }

    async fn fetch_contacts(&self, ids: &[String]) -> Result<Vec<FetchedContact>, ProviderError> {
        // One call for 2,000 contacts, and one more for each 400 of those that it does not find.
        read::fetch_contacts(&self.http, ids).await
    }

    async fn upsert_contact(&self, write: &ContactWrite) -> Result<ContactWritten, ProviderError> {
        // A new contact without a family name costs a second call.
        write::upsert_contact(&self.http, write).await
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        listing::list(&self.http, after).await
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Deleted contacts and losers of merges included.
        feed::changes(&self.http, from).await
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        // A list of one contact: what the work needs, in contrast to the page of limits.
        let query = [("q", "SELECT Id FROM Contact ORDER BY Id LIMIT 1")];
        read::collection(self.http.get_json::<IgnoredAny>(&["query"], &query, None).await?).map(drop)
    }
}
