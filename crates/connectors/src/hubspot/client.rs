//! The CRM API (<https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide>).

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::{
    ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttp, ProviderHttpConfig,
};

use super::read::Reader;
use super::{HubSpotConfig, config, events, feed, listing, record, write};
use crate::connector::{Batches, Listing, Push, RecordEvent, Records, Vendor};
use crate::{Fetched, Mapping, RecordWrite, Written};

/// As many as HubSpot allows.
const MOST: usize = 100;

/// A client of one account. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct HubSpotClient {
    http: ProviderHttp,
    portal: Option<String>,
    key_property: String,
    mapping: Mapping,
}

impl HubSpotClient {
    const fn reader(&self) -> Reader<'_> {
        Reader { http: &self.http, key_property: self.key_property.as_str(), mapping: &self.mapping }
    }
}

impl Vendor for HubSpotClient {
    type Settings = HubSpotConfig;

    fn client(
        config: HubSpotConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let (portal, key_property) = (config.portal.clone(), config.key_property.clone());
        let mut http = config.http()?;
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, portal, key_property, mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for HubSpotClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        let event = events::read_event(envelope, origin)?;
        match (&self.portal, envelope.ingress_account()?) {
            (Some(own), Some(other)) if *own != other => {
                Err(UnreadableEvent::OtherAccount { setting: "portal" })
            }
            _ => Ok(event),
        }
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let answers = self.reader().fetch_contacts(&[id.to_owned()]).await?;
        answers.into_iter().next().ok_or(ProviderError::WHOLE_REPLY_MALFORMED)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        listing::ping(&self.http).await
    }

    /// Archiving and restoring move `archivedAt` alone.
    fn restores_without_a_version(&self) -> bool {
        true
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
impl Batches for HubSpotClient {
    fn most(&self) -> usize {
        MOST
    }

    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        // One call for 100 contacts, and one more if some of them are not found.
        self.reader().fetch_contacts(ids).await
    }
}

#[async_trait]
impl Push for HubSpotClient {
    fn property(&self, field: &str) -> Option<&str> {
        record::property(field)
    }

    fn can_write(&self, property: &str) -> bool {
        // A change of the stage starts the CRM's own work.
        config::is_property(property) && property != self.key_property && property != "lifecyclestage"
    }

    async fn upsert(&self, write: &RecordWrite) -> Result<Written, ProviderError> {
        // Each value that is not accepted costs one more call.
        write::upsert(&self.http, &self.key_property, write).await
    }
}

#[async_trait]
impl Listing for HubSpotClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        listing::list(&self.http, after).await
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Without archived contacts: a search does not show them.
        feed::changes(&self.http, from).await
    }
}
