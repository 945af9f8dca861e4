//! The Users API (<https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>) and the System Log API.
//! Only the read by ID is consistent: so there is one call per user.

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{
    Absence, Answer, ChangedPage, ChangesFrom, ListedPage, Page, ProviderError, ProviderHttp,
};
use serde::de::IgnoredAny;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::config::OktaConfig;
use super::log_event::LogEvent;
use super::record::{ListedUser, OktaUser};
use super::{SOURCE, changes, feed, listing, sign_in};
use crate::{FetchedUser, SignIn, SignInEvent, SsoProvider};

/// How long Okta keeps its log. Without a beginning, a query covers one week only, and a message may be older.
const LOG_RETENTION: Duration = Duration::days(90);

/// Users on a page: the most that Okta allows.
const PAGE: usize = 200;

/// A client of one organization. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct OktaClient {
    http: ProviderHttp,
}

impl OktaClient {
    pub(crate) fn of(_: OktaConfig, http: ProviderHttp) -> Self {
        Self { http }
    }

    /// The IDs of the users on one page. `after`: the cursor that the page before returned. Deactivated users (`DEPROVISIONED`)
    /// and deleted ones are not listed: if an ID is missing, its user may still exist.
    ///
    /// # Errors
    /// Any [`ProviderError`]. After [`ProviderError::RateLimited`], read the same page again.
    pub async fn list_users(&self, after: Option<&str>) -> Result<Page<String>, ProviderError> {
        self.list_filtered(None, after).await
    }

    async fn list_filtered(
        &self,
        filter: Option<&str>,
        after: Option<&str>,
    ) -> Result<Page<String>, ProviderError> {
        let limit = PAGE.to_string();
        let query = [("limit", limit.as_str()), ("fields", "id")];
        let query: Vec<_> = query.into_iter().chain(filter.map(|filter| ("filter", filter))).collect();
        let page =
            self.http.get_page::<ListedUser>(&["users"], &query, "after", after).await?.always_found()?;
        Ok(Page { items: page.items.into_iter().map(|user| user.id).collect(), next: page.next })
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

impl SsoProvider for OktaClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        changes::read_event(envelope)
    }

    async fn fetch_user(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
        // Okta would answer with the user that our token belongs to.
        if id == "me" {
            return Err(INVALID);
        }
        match self.http.get_json::<OktaUser>(&["users", id], &[], known_etag).await? {
            Answer::Found { value, etag } => Ok(FetchedUser::Found(Box::new(value.into_user(etag)))),
            Answer::NotModified => Ok(FetchedUser::NotModified),
            // A deactivated user is found, and blocked; a deleted user is not found:
            // <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>.
            Answer::NotFound => Ok(FetchedUser::Absent(Absence::NotFound)),
            Answer::Gone => Ok(FetchedUser::Absent(Absence::Deleted)),
        }
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        sign_in::read_sign_in(envelope)
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<Option<SignIn>, ProviderError> {
        // A text that could end the quotes of the filter is no `uuid`.
        if event_id.is_empty() || !event_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(INVALID);
        }
        let entries = self.log_entries(event_id).await?;
        let entry = entries.into_iter().find(|entry| entry.uuid() == Some(event_id));
        Ok(entry.as_ref().and_then(sign_in::sign_in))
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        // IDs only: Okta returns versions with the whole profile only.
        let place = listing::Place::read(after).ok_or(INVALID)?;
        let page = match place {
            listing::Place::Users(after) => self.list_filtered(None, after).await?,
            listing::Place::Deactivated(after) => {
                self.list_filtered(Some(listing::DEACTIVATED), after).await?
            }
        };
        Ok(place.page(page, PAGE))
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        // Deletions included. Okta keeps the log for 90 days.
        let place = feed::Place::read(from).ok_or(INVALID)?;
        let limit = feed::PAGE.to_string();
        let query = [
            ("since", place.since.as_str()),
            ("sortOrder", "ASCENDING"),
            ("limit", limit.as_str()),
            ("filter", feed::FILTER),
        ];
        let page = self.http.get_feed_page::<LogEvent>(&["logs"], &query, "after", place.after).await?;
        let page = page.always_found()?;
        Ok(place.page(&page.items, page.next))
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http
            .get_json::<Vec<IgnoredAny>>(&["users"], &[("limit", "1")], None)
            .await?
            .always_found()
            .map(drop)
    }
}
