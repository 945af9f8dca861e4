//! The REST API (<https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm>). The user for whom
//! we act needs the permission "API Enabled", must see all contacts, and must be allowed to edit the fields that we write.

use event_contract::{Envelope, UnreadableEvent};
use provider_http::{
    ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttp, ProviderHttpConfig,
};
use serde::de::IgnoredAny;

use super::{SOURCE, SalesforceConfig, events, feed, listing, read, write};
use crate::{ContactWrite, ContactWritten, CrmEvent, CrmProvider, FetchedContact};

/// A client of one organization. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct SalesforceClient {
    http: ProviderHttp,
}

impl SalesforceClient {
    /// Makes a client, with limits as `adjust` leaves them: time-outs, requests in flight. Sends nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`] when a URL is not a web address, the API version is no number, or the key is no key.
    pub fn new(
        config: SalesforceConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        Ok(Self { http: ProviderHttp::adjusted(config.http()?, adjust)? })
    }
}

impl CrmProvider for SalesforceClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
        events::read_event(envelope)
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
        read::collection(self.http.get_json::<IgnoredAny>(&["limits"], &[], None).await?).map(drop)
    }
}
