//! The trait, call by call. What an answer means is in the modules beside this one.

use std::sync::Arc;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{Absence, Answer, ChangedPage, ChangesFrom, ListedPage, ProviderError, ProviderHttp};

use super::config::EntraConfig;
use super::guid::guid;
use super::record::{SELECT, SELECT_DELETED, id, is_deleted, user};
use super::{SOURCE, changes, delta, listing, sign_in};
use crate::{FetchedUser, FoundSignIn, SignInEvent, SsoProvider};

/// A client of one tenant. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct EntraClient {
    pub(crate) http: ProviderHttp,
    tenant_id: Arc<str>,
}

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

impl EntraClient {
    pub(crate) fn of(config: EntraConfig, http: ProviderHttp) -> Self {
        Self { http, tenant_id: config.tenant_id.into() }
    }

    /// Why a user is not found. A deleted user is kept for 30 days, and may be restored:
    /// <https://learn.microsoft.com/graph/api/directory-deleteditems-get>. After that it is found nowhere, and so is one that a
    /// replica does not have yet, or one of another tenant.
    async fn absence(&self, user_id: &str) -> Result<Absence, ProviderError> {
        let path = ["directory", "deletedItems", user_id, "microsoft.graph.user"];
        match self.http.get_json::<Json>(&path, &[("$select", SELECT_DELETED)], None).await? {
            Answer::Found { value, .. } if id(&value)? == user_id => Ok(Absence::Deleted),
            Answer::Found { .. } => Err(ProviderError::WHOLE_REPLY_MALFORMED),
            Answer::NotFound | Answer::Gone | Answer::NotModified => Ok(Absence::NotFound),
        }
    }
}

impl SsoProvider for EntraClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        changes::read_event_of(&self.tenant_id, envelope)
    }

    async fn fetch_user(&self, id: &str, _known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
        let id = guid(id).ok_or(INVALID)?;
        match self.http.get_json::<Json>(&["users", &id], &[("$select", SELECT)], None).await? {
            Answer::Found { value, .. } if is_deleted(&value)? => Ok(FetchedUser::Absent(Absence::Deleted)),
            Answer::Found { value, .. } => Ok(FetchedUser::Found(Box::new(user(&value)?))),
            Answer::NotModified => Ok(FetchedUser::NotModified),
            Answer::NotFound => Ok(FetchedUser::Absent(self.absence(&id).await?)),
            Answer::Gone => Ok(FetchedUser::Absent(Absence::Deleted)),
        }
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        sign_in::read_sign_in(envelope)
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError> {
        let event_id = guid(event_id).ok_or(INVALID)?;
        let path = ["auditLogs", "signIns", &event_id];
        match self.http.get_json::<Json>(&path, &[("$select", sign_in::SELECT)], None).await? {
            Answer::Found { value, .. } if id(&value)? != event_id => {
                Err(ProviderError::WHOLE_REPLY_MALFORMED)
            }
            Answer::Found { value, .. } => {
                Ok(sign_in::sign_in(&value)?.map_or(FoundSignIn::Unnamed, FoundSignIn::Found))
            }
            Answer::NotFound | Answer::Gone | Answer::NotModified => Ok(FoundSignIn::Missing),
        }
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let size = listing::PAGE.to_string();
        let query = [("$select", "id"), ("$top", size.as_str())].into_iter();
        let query: Vec<_> = query.chain(after.map(|after| (listing::SKIP_TOKEN, after))).collect();
        let page: Json = self.http.get_json(listing::USERS, &query, None).await?.always_found()?;
        listing::page(&self.http, after, &page)
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let place = delta::Place::read(from).ok_or(INVALID)?;
        let answer = self.http.get_json::<Json>(delta::DELTA, &[place.query()], None).await;
        match answer.map_err(delta::failure)? {
            Answer::Gone => Err(delta::UNKNOWN_PLACE),
            page => place.page(&self.http, &page.always_found()?),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        let query = [("$select", "id"), ("$top", "1")];
        let page: Json = self.http.get_json(listing::USERS, &query, None).await?.always_found()?;
        listing::items(&page).map(drop)
    }
}
