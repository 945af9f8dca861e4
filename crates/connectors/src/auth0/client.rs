//! The Management API (<https://auth0.com/docs/api/management/v2>). It needs the scopes `read:users` and, for sign-ins,
//! `read:logs`. Every batch read is eventually consistent: so there is one call per user.

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::{Json, Unread};
use provider_http::{
    Answer, ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttp,
    ProviderHttpConfig,
};
use serde::de::IgnoredAny;

use super::config::Auth0Config;
use super::record::{FIELDS, id_of_hit, user};
use super::sign_in::{SignInTypes, sign_in};
use super::{events, feed, listing};
use crate::connector::{Listing, RecordEvent, Records, SignIns, Vendor};
use crate::mapping::root;
use crate::{Fetched, FoundSignIn, Mapping, SignIn, SignInEvent};

/// A client of one tenant. Clones share connections, token and rate limit.
#[derive(Debug, Clone)]
pub struct Auth0Client {
    http: ProviderHttp,
    sign_ins: SignInTypes,
    mapping: Mapping,
}

impl Auth0Client {
    async fn fetch_by_id(&self, id: &str) -> Result<Fetched, ProviderError> {
        let fields = self.mapping.requested(&FIELDS, root).join(",");
        let query = [("fields", fields.as_str()), ("include_fields", "true")];
        match self.http.get_json::<Json>(&["users", id], &query, None).await? {
            Answer::Found { value, .. } => {
                Ok(Fetched::Found(Box::new(self.mapping.add(user(&value)?, &value))))
            }
            Answer::NotModified => Ok(Fetched::NotModified),
            Answer::NotFound => Ok(Fetched::NotFound),
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
        }
    }

    async fn full_id(&self, bare_id: &str) -> Result<Option<String>, ProviderError> {
        // The search is eventually consistent: only the ID is taken from it, and the user is fetched by that.
        let escaped = bare_id.replace('\\', r"\\").replace('"', "\\\"");
        let search = format!(r#"identities.user_id:"{escaped}""#);
        let query = [
            ("q", search.as_str()),
            ("search_engine", "v3"),
            ("fields", "user_id,identities"),
            ("include_fields", "true"),
            ("per_page", "10"),
        ];
        let answer = self.http.get_json::<Vec<Json>>(&["users"], &query, None).await?;
        let hits = answer.always_found()?;
        let ids = hits.iter().filter_map(|hit| id_of_hit(hit, bare_id).transpose());
        let ids: Result<Vec<String>, Unread> = ids.collect();
        let mut ids = ids.map_err(|Unread| ProviderError::Unreadable { field: "identities" })?;
        match ids.len() {
            0 | 1 => Ok(ids.pop()),
            // Two connections use the same bare ID, and we cannot know which one is meant.
            _ => Err(ProviderError::Invalid { status: AMBIGUOUS }),
        }
    }
}

/// The HTTP status "Multiple Choices".
const AMBIGUOUS: u16 = 300;

impl Vendor for Auth0Client {
    type Settings = Auth0Config;

    fn client(
        config: Auth0Config,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let (sign_ins, mut http) = (config.sign_ins.clone(), config.http()?);
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, sign_ins, mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for Auth0Client {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        events::read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        // Auth0 has no entity tags. An ID without `|` is that of an identity, by which the user's ID is searched first.
        if id.contains('|') || id.is_empty() {
            return self.fetch_by_id(id).await;
        }
        match self.full_id(id).await? {
            Some(full_id) => self.fetch_by_id(&full_id).await,
            // The search shows a user late.
            None => Ok(Fetched::NotVisible),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        let query = [("per_page", "1"), ("fields", "user_id"), ("include_fields", "true")];
        self.http.get_json::<Vec<IgnoredAny>>(&["users"], &query, None).await?.always_found().map(drop)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn sign_ins(&self) -> Option<&dyn SignIns> {
        Some(self)
    }
}

#[async_trait]
impl SignIns for Auth0Client {
    fn read_sign_in(&self, envelope: &Envelope, origin: Origin) -> Result<SignInEvent, UnreadableEvent> {
        events::read_sign_in(envelope, origin, &self.sign_ins)
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError> {
        // A tenant keeps its log for 1 to 30 days, by its plan.
        let answer = self.http.get_json::<Json>(&["logs", event_id], &[], None).await?;
        let Answer::Found { value: entry, .. } = answer else { return Ok(FoundSignIn::Missing) };
        let Some(sign_in) = sign_in(&entry, &self.sign_ins, event_id)? else {
            return Ok(FoundSignIn::Unnamed);
        };
        if sign_in.user_id.contains('|') {
            return Ok(FoundSignIn::Found(sign_in));
        }
        // The search shows a user late.
        let full_id = self.full_id(&sign_in.user_id).await?;
        Ok(full_id.map_or(FoundSignIn::Missing, |user_id| FoundSignIn::Found(SignIn { user_id, ..sign_in })))
    }
}

#[async_trait]
impl Listing for Auth0Client {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let window = listing::Window::read(after)?;
        let query = window.query();
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = self.http.get_json::<Json>(&["users"], &query, None).await?.always_found()?;
        window.page(listing::Reply::read(&reply)?)
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let query = feed::query(from).ok_or(ProviderError::Invalid { status: 400 })?;
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Deletions included. Needs the scope `read:events`.
        let events = self.http.get_events(&["events"], &query, feed::PAGE, feed::QUIET).await?;
        feed::page(from, &events.always_found()?)
    }
}
