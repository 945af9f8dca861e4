//! The SCIM client: a user by ID, users changed since, and a ping.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{
    Answer, Auth, ChangedPage, ChangesFrom, Codes, ConfigError, ListedPage, PageSize, ProviderError,
    ProviderHttp, ProviderHttpConfig,
};
use schemars::JsonSchema;
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use super::NAME;
use super::capabilities::{Features, is_refusal};
use super::feed::Place;
use super::list::{Order, Position, Start, UserPage, query};
use super::record::{ATTRIBUTES, CORE_USER, user};
use crate::connector::{Listing, RecordEvent, Records, Vendor};
use crate::mapping::root;
use crate::{Fetched, Mapping, Secret};

const PAGE: usize = 100;

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

/// Limit of a reply: a page of users with large metadata needs more than the usual 1 MiB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How to reach a server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimConfig {
    /// Base of the SCIM 2.0 service, as `https://idp.example/scim/v2`.
    pub url: Url,
    /// The bearer token that the server has issued.
    pub token: Secret,
}

impl ScimConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(NAME, self.url, Auth::Bearer(self.token.0));
        http.codes = Some(CODES);
        http.max_body_bytes = MAX_BODY_BYTES;
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
    mapping: Mapping,
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
    ) -> Result<Fetched, ProviderError> {
        let known_etag = self.mapping.known_etag(known_etag);
        match self.http.get_json::<Json>(&["Users", id], query, known_etag).await? {
            Answer::Found { value, etag } => {
                let record = value.lifted(CORE_USER);
                Ok(Fetched::Found(Box::new(self.mapping.add(user(&record, etag)?, &record))))
            }
            Answer::NotModified => Ok(Fetched::NotModified),
            Answer::NotFound => Ok(Fetched::NotFound),
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
        }
    }

    async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Json, ProviderError> {
        self.http.get_json(&[path], query, None).await?.always_found()
    }
}

/// The attribute that a mapped path leads to: <https://www.rfc-editor.org/rfc/rfc7644#section-3.10>.
fn attribute_of(path: &[String]) -> Option<String> {
    match path {
        [schema, name, ..] if schema.contains(':') => Some(format!("{schema}:{name}")),
        path => root(path),
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

pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    envelope.ingress_hints().map(RecordEvent::Records)
}

impl Vendor for ScimClient {
    type Settings = ScimConfig;

    fn client(config: ScimConfig, adjust: impl FnOnce(&mut ProviderHttpConfig)) -> Result<Self, ConfigError> {
        let mut http = config.http()?;
        adjust(&mut http);
        let accepted = Mutex::new(Features { attributes: true, filter: true, sort: true });
        let server = Server { claimed: OnceLock::new(), accepted, page: PageSize::new(PAGE) };
        Ok(Self { http: ProviderHttp::new(http)?, server: Arc::new(server), mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for ScimClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        if !self.accepted().attributes {
            return self.fetch_with(id, known_etag, &[]).await;
        }
        let attributes = self.mapping.requested(&ATTRIBUTES, attribute_of).join(",");
        let answer = self.fetch_with(id, known_etag, &[("attributes", &attributes)]).await;
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

    async fn ping(&self) -> Result<(), ProviderError> {
        // A list of one, as the work reads users. Not every server has `/ServiceProviderConfig`.
        let page = self.read("Users", &[("count", "1")]).await?;
        UserPage::read(&page, 1).map(drop)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }
}

#[async_trait]
impl Listing for ScimClient {
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
}

/// The page behind the last one.
const LISTED_ALL: ListedPage =
    ListedPage { records: Vec::new(), next: None, total: None, doubt: None, unreadable: Vec::new() };

fn is_incomplete(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Unreadable { .. })
}
