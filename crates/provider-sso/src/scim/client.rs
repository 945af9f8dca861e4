//! The SCIM client: a user by ID, users changed since, and a ping.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{
    Absence, Answer, Auth, ChangedPage, ChangesFrom, Codes, ConfigError, ListedPage, PageSize, ProviderError,
    ProviderHttp, ProviderHttpConfig,
};
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

use super::SOURCE;
use super::capabilities::{Features, is_refusal};
use super::feed::Place;
use super::list::{Order, Position, Start, UserPage, query};
use super::record::{ATTRIBUTES, user};
use crate::{FetchedUser, FoundSignIn, SignInEvent, SsoProvider};

const PAGE: usize = 100;

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct ScimConfig {
    /// Where `/Users` lives: `https://idp.example/scim/v2`.
    pub base_url: Url,
    /// The bearer token that the server has issued.
    pub token: SecretString,
}

impl ScimConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.token));
        http.codes = Some(CODES);
        Ok(http)
    }
}

/// RFC 7644 section 3.12.
const CODES: Codes = Codes {
    pointer: "/scimType",
    listed: &[
        "invalidFilter",
        "invalidPath",
        "invalidSyntax",
        "invalidValue",
        "invalidVers",
        "mutability",
        "noTarget",
        "sensitive",
        "tooMany",
        "uniqueness",
    ],
};

/// A client of one server. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct ScimClient {
    http: ProviderHttp,
    server: Arc<Server>,
}

/// What is known of the server.
#[derive(Debug)]
struct Server {
    /// What it says it can do. Read once: features change only with a release.
    claimed: OnceLock<Features>,
    /// Without the features that it has refused, although it claims them.
    accepted: Mutex<Features>,
    page: PageSize,
}

impl ScimClient {
    pub(crate) fn of(_: ScimConfig, http: ProviderHttp) -> Self {
        let accepted = Mutex::new(Features { attributes: true, filter: true, sort: true });
        Self {
            http,
            server: Arc::new(Server { claimed: OnceLock::new(), accepted, page: PageSize::new(PAGE) }),
        }
    }

    /// One page of the users that changed after `since`; all users from a server that cannot filter. Out: the features by which
    /// the server was asked, too.
    async fn page(
        &self,
        order: Order,
        since: Option<OffsetDateTime>,
        start_index: usize,
    ) -> Result<(UserPage, Features), ProviderError> {
        let claimed = self.features().await?;
        let wanted = Features { filter: claimed.filter && since.is_some(), ..claimed };
        let (mut features, mut fallbacks) = (wanted, None::<std::vec::IntoIter<Features>>);
        loop {
            let items = self.server.page.items();
            let query = query(features, order, since, start_index, items);
            match self.list_once(&query, start_index).await {
                Ok(page) => {
                    self.refused(wanted, features);
                    return Ok((page, features));
                }
                Err(error) if is_too_large(&error) => {
                    if !self.server.page.halve(items) {
                        return Ok((UserPage::too_large(start_index), features));
                    }
                }
                Err(error) if is_refusal(&error) => {
                    let fallbacks = fallbacks.get_or_insert_with(|| wanted.fallbacks(&error).into_iter());
                    features = fallbacks.next().ok_or(error)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn list_once(
        &self,
        query: &[(&str, String)],
        start_index: usize,
    ) -> Result<UserPage, ProviderError> {
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        UserPage::read(&self.read("Users", &query).await?, start_index)
    }

    /// What the server can do, as it says and as it has shown.
    async fn features(&self) -> Result<Features, ProviderError> {
        let claimed = match self.server.claimed.get() {
            Some(known) => *known,
            None => {
                let read = match self.read("ServiceProviderConfig", &[]).await {
                    Ok(config) => Features::read(&config),
                    // The server does not say: that is allowed to none, and common.
                    Err(ProviderError::Invalid { status: 404 | 501 } | ProviderError::Malformed { .. }) => {
                        Features::NONE
                    }
                    Err(error) => return Err(error),
                };
                *self.server.claimed.get_or_init(|| read)
            }
        };
        Ok(claimed.and(self.accepted()))
    }

    fn accepted(&self) -> Features {
        *self.server.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what the server has refused of the wanted features before it accepted a request.
    fn refused(&self, wanted: Features, accepted: Features) {
        let mut known = self.server.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        *known = known.and(Features {
            attributes: accepted.attributes || !wanted.attributes,
            filter: accepted.filter || !wanted.filter,
            sort: accepted.sort || !wanted.sort,
        });
    }

    async fn fetch_with(
        &self,
        id: &str,
        known_etag: Option<&str>,
        query: &[(&str, &str)],
    ) -> Result<FetchedUser, ProviderError> {
        match self.http.get_json::<Json>(&["Users", id], query, known_etag).await? {
            Answer::Found { value, etag } => Ok(FetchedUser::Found(Box::new(user(value, etag)?))),
            Answer::NotModified => Ok(FetchedUser::NotModified),
            Answer::NotFound => Ok(FetchedUser::Absent(Absence::NotFound)),
            Answer::Gone => Ok(FetchedUser::Absent(Absence::Deleted)),
        }
    }

    async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Json, ProviderError> {
        self.http.get_json(&[path], query, None).await?.always_found()
    }
}

/// The server itself may refuse a page as too large.
fn is_too_large(error: &ProviderError) -> bool {
    matches!(
        error,
        ProviderError::TooLarge { .. }
            | ProviderError::Refused { code: "tooMany", .. }
            | ProviderError::Invalid { status: 413 }
    )
}

pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    envelope.origin(SOURCE, None)?;
    envelope.ingress_hints()
}

impl SsoProvider for ScimClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        read_event(envelope)
    }

    async fn fetch_user(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
        if !self.accepted().attributes {
            return self.fetch_with(id, known_etag, &[]).await;
        }
        let answer = self.fetch_with(id, known_etag, &[("attributes", ATTRIBUTES)]).await;
        // The server may refuse the parameter, or understand it in another way. Then it is asked for the whole user.
        if !answer.as_ref().is_err_and(|error| is_refusal(error) || is_incomplete(error)) {
            return answer;
        }
        let whole = self.fetch_with(id, known_etag, &[]).await;
        if whole.is_ok() {
            self.refused(Features::NONE, Features { attributes: false, ..Features::NONE });
        }
        whole
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        // SCIM is about users, never about sign-ins.
        envelope.origin(SOURCE, None).map(|_| SignInEvent::Ignored)
    }

    async fn fetch_sign_in(&self, _event_id: &str) -> Result<FoundSignIn, ProviderError> {
        Ok(FoundSignIn::Missing)
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let start = after.map_or(Ok(Start::first()), serde_json::from_str).map_err(|_| INVALID)?;
        // In the order of changes, a user who changes meanwhile would move, and the listing would skip another. If the server
        // cannot sort, that may happen: then there are fewer users than the total says.
        let page = match self.page(Order::Id, None, start.index).await {
            Ok((page, _)) => page,
            // Some servers refuse a place behind the end.
            Err(error) if start.is_behind_total() && is_refusal(&error) => UserPage::empty(),
            Err(error) => return Err(error),
        };
        let (next, doubt) = match start.position(&page) {
            Position::Within(next) => (serde_json::to_string(&next).ok(), None),
            Position::Contradictory(why) => (None, Some(why)),
            // Its total counts nothing that is left.
            Position::Behind if start.index > 1 => return Ok(LISTED_ALL),
            Position::Behind => (None, None),
        };
        let total = page.total.and_then(|total| u64::try_from(total).ok());
        Ok(ListedPage { records: page.users, next, total, doubt, unreadable: page.unreadable })
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let place = Place::read(from).ok_or(INVALID)?;
        // The oldest change first, if the server can sort. Without deleted users. From a server that cannot filter, all users.
        let (page, features) = match self.page(Order::Change, Some(place.since), place.start.index).await {
            Ok(read) => read,
            Err(error) if place.start.is_behind_total() && is_refusal(&error) => {
                (UserPage::empty(), Features::NONE)
            }
            Err(error) => return Err(error),
        };
        place.page(page, features.filter && features.sort, OffsetDateTime::now_utc())
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        // A list of one, as the work reads users. Not every server has `/ServiceProviderConfig`.
        let page = self.read("Users", &[("count", "1")]).await?;
        UserPage::read(&page, 1).map(drop)
    }
}

/// The page behind the last one.
const LISTED_ALL: ListedPage =
    ListedPage { records: Vec::new(), next: None, total: None, doubt: None, unreadable: Vec::new() };

fn is_incomplete(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Unreadable { .. })
}
