//! The Users API (<https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>) and the System Log API.
//! Only the read by ID is consistent: so there is one call per user.

use std::sync::Arc;

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::{Json, needed};
use provider_http::{
    Answer, ChangedPage, ChangesFrom, ConfigError, ListedPage, Page, PageSize, ProviderError, ProviderHttp,
    ProviderHttpConfig,
};
use serde::de::IgnoredAny;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::config::OktaConfig;
use super::log_event::LogEvent;
use super::record::user;
use super::{changes, feed, listing, sign_in};
use crate::connector::{Listing, RecordEvent, Records, SignIns, Vendor};
use crate::{Fetched, FoundSignIn, Mapping, SignInEvent};

/// How long Okta keeps its log. Without a beginning, a query covers one week only, and a message may be older.
const LOG_RETENTION: Duration = Duration::days(90);

/// Users on a page: the most that Okta allows.
const PAGE: usize = 200;

/// A client of one organization. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct OktaClient {
    http: ProviderHttp,
    users_page: Arc<PageSize>,
    log_page: Arc<PageSize>,
    mapping: Mapping,
}

impl OktaClient {
    /// The IDs of the users on one page. `after`: the cursor that the page before returned. Deactivated users (`DEPROVISIONED`)
    /// and deleted ones are not listed: if an ID is missing, its user may still exist.
    ///
    /// # Errors
    /// Any [`ProviderError`]. After [`ProviderError::RateLimited`], read the same page again.
    pub async fn list_users(&self, after: Option<&str>) -> Result<Page<String>, ProviderError> {
        let Page { items, next, asked, too_large } = self.list_filtered(None, after).await?;
        Ok(Page { items: items.iter().filter_map(listing::id).collect(), next, asked, too_large })
    }

    async fn list_filtered(
        &self,
        filter: Option<&str>,
        after: Option<&str>,
    ) -> Result<Page<Json>, ProviderError> {
        // Only lists know `fields`: a user that is read by ID comes whole.
        let query: Vec<_> =
            [("fields", "id")].into_iter().chain(filter.map(|filter| ("filter", filter))).collect();
        let size = ("limit", &*self.users_page);
        self.http.get_page(&["users"], &query, size, ("after", after)).await?.always_found()
    }

    async fn log_entries(&self, event_id: &str) -> Result<Vec<LogEvent>, ProviderError> {
        let filter = format!(r#"uuid eq "{event_id}""#);
        let since = (OffsetDateTime::now_utc() - LOG_RETENTION).format(&Rfc3339);
        let since = since.map_err(|_| INVALID)?; // The year is not between 0 and 9999.
        let query = [("filter", filter.as_str()), ("since", since.as_str())];
        self.http.get_json(&["logs"], &query, None).await?.always_found()
    }
}

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

impl Vendor for OktaClient {
    type Settings = OktaConfig;

    fn client(config: OktaConfig, adjust: impl FnOnce(&mut ProviderHttpConfig)) -> Result<Self, ConfigError> {
        let mut http = config.http()?;
        adjust(&mut http);
        let (users_page, log_page) = (PageSize::new(PAGE), PageSize::new(feed::PAGE));
        Ok(Self {
            http: ProviderHttp::new(http)?,
            users_page: Arc::new(users_page),
            log_page: Arc::new(log_page),
            mapping: Mapping::default(),
        })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for OktaClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        changes::read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        // Okta would answer with the user that our token belongs to.
        if id == "me" {
            return Err(INVALID);
        }
        let known_etag = self.mapping.known_etag(known_etag);
        match self.http.get_json::<Json>(&["users", id], &[], known_etag).await? {
            Answer::Found { value, etag } => {
                Ok(Fetched::Found(Box::new(self.mapping.add(user(&value, etag)?, &value))))
            }
            Answer::NotModified => Ok(Fetched::NotModified),
            // A deactivated user is found, and blocked; a deleted user is not found:
            // <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>.
            Answer::NotFound => Ok(Fetched::NotFound),
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http
            .get_json::<Vec<IgnoredAny>>(&["users"], &[("limit", "1")], None)
            .await?
            .always_found()
            .map(drop)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn sign_ins(&self) -> Option<&dyn SignIns> {
        Some(self)
    }
}

#[async_trait]
impl SignIns for OktaClient {
    fn read_sign_in(&self, envelope: &Envelope, origin: Origin) -> Result<SignInEvent, UnreadableEvent> {
        sign_in::read_sign_in(envelope, origin)
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError> {
        // A text that could end the quotes of the filter is no `uuid`.
        if event_id.is_empty() || !event_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(INVALID);
        }
        let entries = self.log_entries(event_id).await?;
        let is = |entry: &&LogEvent| entry.uuid().is_ok_and(|uuid| uuid.as_deref() == Some(event_id));
        if let Some(entry) = entries.iter().find(is) {
            return Ok(sign_in::sign_in(entry)?.map_or(FoundSignIn::Unnamed, FoundSignIn::Found));
        }
        // One without a readable ID may be the entry that was asked for, so that it is not missing.
        entries.iter().try_for_each(|entry| needed("uuid", entry.uuid()).map(drop))?;
        Ok(FoundSignIn::Missing)
    }
}

#[async_trait]
impl Listing for OktaClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        // IDs only: Okta returns versions with the whole profile only.
        let place = listing::Place::read(after).ok_or(INVALID)?;
        let page = match place {
            listing::Place::Users(after) => self.list_filtered(None, after).await?,
            listing::Place::Deactivated(after) => {
                self.list_filtered(Some(listing::DEACTIVATED), after).await?
            }
        };
        Ok(place.page(page))
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Deletions included. Okta keeps the log for 90 days.
        let place = feed::Place::read(from).ok_or(INVALID)?;
        let query = [("since", place.since.as_str()), ("sortOrder", "ASCENDING"), ("filter", feed::FILTER)];
        let (size, after) = (("limit", &*self.log_page), ("after", place.after));
        let page = self.http.get_feed_page::<LogEvent>(&["logs"], &query, size, after).await?;
        match page.always_found()? {
            // No link leads past the entry.
            Page { too_large: Some(error), next: None, .. } => Err(error),
            page => Ok(place.page(page)),
        }
    }
}
