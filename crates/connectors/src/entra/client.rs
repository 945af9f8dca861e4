//! The trait, call by call. What an answer means is in the modules beside this one.

use std::sync::Arc;

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{
    Answer, ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttp,
    ProviderHttpConfig,
};

use super::config::{EntraConfig, Notifications};
use super::guid::guid;
use super::record::{SELECT, SELECT_DELETED, id, is_deleted, user};
use super::{changes, delta, listing};
use crate::connector::{Listing, RecordEvent, Records, Subscriptions, Vendor};
use crate::mapping::root;
use crate::{Fetched, Mapping};

/// A client of one tenant. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct EntraClient {
    pub(crate) http: ProviderHttp,
    tenant_id: Arc<str>,
    mapping: Mapping,
    pub(crate) notifications: Option<Notifications>,
}

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

impl EntraClient {
    fn select(&self) -> String {
        self.mapping.requested(&SELECT, root).join(",")
    }

    /// Why a user is not found. A deleted user is kept for 30 days, and may be restored:
    /// <https://learn.microsoft.com/graph/api/directory-deleteditems-get>. After that it is found nowhere, and so is one that a
    /// replica does not have yet, or one of another tenant.
    async fn absence(&self, user_id: &str) -> Result<Fetched, ProviderError> {
        let path = ["directory", "deletedItems", user_id, "microsoft.graph.user"];
        match self.http.get_json::<Json>(&path, &[("$select", SELECT_DELETED)], None).await? {
            Answer::Found { value, .. } if id(&value)? == user_id => Ok(Fetched::Gone { merged_into: None }),
            Answer::Found { .. } => Err(ProviderError::WHOLE_REPLY_MALFORMED),
            Answer::NotFound | Answer::Gone | Answer::NotModified => Ok(Fetched::NotFound),
        }
    }
}

impl Vendor for EntraClient {
    type Settings = EntraConfig;

    fn client(
        config: EntraConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let (tenant_id, notifications) = (config.tenant_id.clone().into(), config.notifications.clone());
        let mut http = config.http()?;
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, tenant_id, mapping: Mapping::default(), notifications })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for EntraClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        changes::read_event_of(&self.tenant_id, envelope, origin)
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let id = guid(id).ok_or(INVALID)?;
        let select = self.select();
        match self.http.get_json::<Json>(&["users", &id], &[("$select", &select)], None).await? {
            Answer::Found { value, .. } if is_deleted(&value)? => Ok(Fetched::Gone { merged_into: None }),
            Answer::Found { value, .. } => {
                Ok(Fetched::Found(Box::new(self.mapping.add(user(&value)?, &value))))
            }
            Answer::NotModified => Ok(Fetched::NotModified),
            Answer::NotFound => self.absence(&id).await,
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        let query = [("$select", "id"), ("$top", "1")];
        let page: Json = self.http.get_json(listing::USERS, &query, None).await?.always_found()?;
        listing::items(&page).map(drop)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn subscriptions(&self) -> Option<&dyn Subscriptions> {
        self.notifications.is_some().then_some(self)
    }
}

#[async_trait]
impl Listing for EntraClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let size = listing::PAGE.to_string();
        let query = [("$select", "id"), ("$top", size.as_str())].into_iter();
        let query: Vec<_> = query.chain(after.map(|after| (listing::SKIP_TOKEN, after))).collect();
        let page: Json = self.http.get_json(listing::USERS, &query, None).await?.always_found()?;
        listing::page(&self.http, after, &page)
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Graph reports changes of the selected properties only, and a token has them in it. With other properties, the feed begins
        // again.
        let place = match from {
            ChangesFrom::Cursor(cursor) => self.mapping.known_cursor(cursor).map(ChangesFrom::Cursor),
            ChangesFrom::Time(_) => None,
        };
        let place = place.map_or(Some(delta::Place::Beginning), delta::Place::read).ok_or(INVALID)?;
        let select = self.select();
        let answer = self.http.get_json::<Json>(delta::DELTA, &[place.query(&select)], None).await;
        match answer.map_err(delta::failure)? {
            Answer::Gone => Err(delta::UNKNOWN_PLACE),
            page => {
                let mut page = place.page(&self.http, &page.always_found()?)?;
                page.next.push_str(self.mapping.mark());
                Ok(page)
            }
        }
    }
}
