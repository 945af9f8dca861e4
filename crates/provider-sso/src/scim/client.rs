//! The SCIM client: a user by ID, users changed since, and a ping.

use std::sync::{Arc, OnceLock};

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{
    Absence, Answer, Auth, ChangedPage, ChangesFrom, Codes, ConfigError, ListedPage, ListedRecord,
    ProviderError, ProviderHttp, ProviderHttpConfig,
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use url::Url;

use super::SOURCE;
use super::capabilities::Capabilities;
use super::feed::Place;
use super::list::{ListReply, Order, UserPage, query};
use super::record::ScimUser;
use crate::{FetchedUser, SignIn, SignInEvent, SsoProvider};

const PAGE: usize = 100;

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
    /// Read once: a server's features change only with its release.
    capabilities: Arc<OnceLock<Capabilities>>,
}

impl ScimClient {
    pub(crate) fn of(_: ScimConfig, http: ProviderHttp) -> Self {
        Self { http, capabilities: Arc::default() }
    }

    /// One page of the users that changed after `since`; all users from a server that cannot filter. `start_index` counts from 1.
    async fn list_by(
        &self,
        order: Order,
        since: Option<OffsetDateTime>,
        start_index: usize,
    ) -> Result<UserPage, ProviderError> {
        let query = query(self.capabilities().await?, order, since, start_index, PAGE);
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(self.read::<ListReply>("Users", &query).await?.into_page(start_index))
    }

    async fn capabilities(&self) -> Result<Capabilities, ProviderError> {
        if let Some(known) = self.capabilities.get() {
            return Ok(*known);
        }
        let read = self.read("ServiceProviderConfig", &[]).await?;
        Ok(*self.capabilities.get_or_init(|| read))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        self.http.get_json(&[path], query, None).await?.always_found()
    }
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
        match self.http.get_json::<ScimUser>(&["Users", id], &[], known_etag).await? {
            Answer::Found { value, etag } => Ok(FetchedUser::Found(Box::new(value.into_user(etag)))),
            Answer::NotModified => Ok(FetchedUser::NotModified),
            Answer::NotFound => Ok(FetchedUser::Absent(Absence::NotFound)),
            Answer::Gone => Ok(FetchedUser::Absent(Absence::Deleted)),
        }
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        // SCIM is about users, never about sign-ins.
        envelope.origin(SOURCE, None).map(|_| SignInEvent::Ignored)
    }

    async fn fetch_sign_in(&self, _event_id: &str) -> Result<Option<SignIn>, ProviderError> {
        Ok(None)
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let start_index =
            after.map_or(Ok(1), str::parse).map_err(|_| ProviderError::Invalid { status: 400 })?;
        // In the order of changes, a user who changes meanwhile would move, and the listing would skip another. If the server
        // cannot sort, that may happen: then there are fewer users than the total says.
        let page = self.list_by(Order::Id, None, start_index).await?;
        let more = page.next_start_index;
        let doubt = (page.users.is_empty() && start_index <= page.total).then_some("a page has no users");
        let listed = |user: crate::SsoUser| ListedRecord { id: user.id, version: user.version };
        Ok(ListedPage {
            records: page.users.into_iter().map(listed).collect(),
            next: more.map(|next| next.to_string()),
            total: u64::try_from(page.total).ok(),
            doubt,
        })
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let place = Place::read(from).ok_or(ProviderError::Invalid { status: 400 })?;
        // The oldest change first, if the server can sort. Without deleted users. From a server that cannot filter, all users.
        let page = self.list_by(Order::Change, Some(place.since), place.start_index).await?;
        place
            .page(page, self.capabilities().await?.sort.supported)
            .ok_or(ProviderError::Invalid { status: 400 })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        // A list of one, as the work reads users. Not every server has `/ServiceProviderConfig`.
        self.read::<IgnoredAny>("Users", &[("count", "1")]).await.map(drop)
    }
}
