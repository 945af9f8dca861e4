//! The REST API (<https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm>). The user for whom
//! we act needs the permission "API Enabled", must see all contacts, and must be allowed to edit the fields that we write.

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::{
    ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttp, ProviderHttpConfig,
};
use serde::de::IgnoredAny;

use super::{SalesforceConfig, events, feed, listing, read, record, write};
use crate::connector::{Batches, Listing, Push, RecordEvent, Records, Vendor};
use crate::{Fetched, Mapping, RecordWrite, Written};

/// Salesforce allows 2,000.
const MOST: usize = 200;

/// A client of one organization. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct SalesforceClient {
    http: ProviderHttp,
    organization: Option<String>,
    mapping: Mapping,
}

impl Vendor for SalesforceClient {
    type Settings = SalesforceConfig;

    fn client(
        config: SalesforceConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let (organization, mut http) = (config.organization.clone(), config.http()?);
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, organization, mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for SalesforceClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        let event = events::read_event(envelope, origin)?;
        let asks = !matches!(&event, RecordEvent::Records(hints) if hints.is_empty());
        let of_another = |organization: &String| !events::may_be_of(envelope, organization);
        if asks && self.organization.as_ref().is_some_and(of_another) {
            return Err(UnreadableEvent::OtherAccount { setting: "organization" });
        }
        Ok(event)
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let answers = read::fetch_contacts(&self.http, &self.mapping, &[id.to_owned()]).await?;
        answers.into_iter().next().ok_or(ProviderError::WHOLE_REPLY_MALFORMED)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        // A list of one contact: what the work needs, in contrast to the page of limits.
        let query = [("q", "SELECT Id FROM Contact ORDER BY Id LIMIT 1")];
        read::collection(self.http.get_json::<IgnoredAny>(&["query"], &query, None).await?).map(drop)
    }

    fn batches(&self) -> Option<&dyn Batches> {
        Some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn push(&self) -> Option<&dyn Push> {
        Some(self)
    }
}

#[async_trait]
impl Batches for SalesforceClient {
    fn most(&self) -> usize {
        MOST
    }

    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        // One call for 2,000 contacts, and one more for each 400 of those that it does not find.
        read::fetch_contacts(&self.http, &self.mapping, ids).await
    }
}

#[async_trait]
impl Push for SalesforceClient {
    fn property(&self, field: &str) -> Option<&str> {
        record::property(field)
    }

    fn can_write(&self, property: &str) -> bool {
        record::can_write(property)
    }

    async fn upsert(&self, write: &RecordWrite) -> Result<Written, ProviderError> {
        // A new contact without a family name costs a second call.
        write::upsert(&self.http, write).await
    }
}

#[async_trait]
impl Listing for SalesforceClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        listing::list(&self.http, after).await
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Deleted contacts and losers of merges included.
        feed::changes(&self.http, from).await
    }
}
