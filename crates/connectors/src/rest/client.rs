//! The client of a described API: a record by ID, several at once, lists, changes, and a ping.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{
    Answer, Auth, ChangedPage, ChangesFrom, ConfigError, ListedPage, Pace, ProviderError, ProviderHttp,
    ProviderHttpConfig, QuotaHeaders,
};
use serde_json::Value;
use time::OffsetDateTime;

use super::compile::{Batch, KEY, List, Rest};
use super::description::{AuthTable, LimitsTable, ResetFormat, RestConfig};
use super::feed::Feed;
use super::item::Item;
use super::paging::{Place, Read};
use super::template::Target;
use super::{NAME, webhook};
use crate::connector::{Batches, Listing, Push, RecordEvent, Records, SettingFault, Vendor};
use crate::record::found;
use crate::{Fetched, Mapping, RecordWrite, Written};

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

const NO_LIST: ProviderError =
    ProviderError::Unusable { why: "the file does not describe how it lists changes" };

/// A page of records is larger than a record.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A client of one API. Clones share connections and rate limit.
#[derive(Clone)]
pub struct RestClient {
    http: ProviderHttp,
    rest: Arc<Rest>,
    /// Of the description's own map: a record that another one has read is read again.
    mapping: Mapping,
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient").field("http", &self.http).finish_non_exhaustive()
    }
}

impl RestConfig {
    fn http(self) -> ProviderHttpConfig {
        let mut http = ProviderHttpConfig::new(NAME, self.url, auth(self.auth));
        http.max_body_bytes = MAX_BODY_BYTES;
        let LimitsTable { concurrent, per_second, per_day, remaining, reset, reset_format } = self.limits;
        http.max_concurrent = concurrent.into();
        http.pace = Pace { per_second, per_day };
        let reset_is_a_time = reset_format == Some(ResetFormat::Unix);
        http.quota =
            remaining.zip(reset).map(|(remaining, reset)| QuotaHeaders { remaining, reset, reset_is_a_time });
        http.headers = self.headers.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect();
        http
    }
}

fn auth(table: AuthTable) -> Auth {
    match table {
        AuthTable::None => Auth::None,
        AuthTable::Bearer { token } => Auth::Bearer(token.0),
        AuthTable::Basic { user, password } => Auth::Basic { user, password: password.0 },
        AuthTable::Header { name, value } => Auth::Header { name, value: value.0 },
        AuthTable::Oauth2 { token_url, client_id, client_secret, scope, audience, in_header } => {
            Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret: client_secret.0,
                audience,
                scope,
                in_header,
            }
        }
        AuthTable::PrivateKeyJwt { token_url, client_id, private_key, scope } => {
            Auth::PrivateKeyJwt { token_url, client_id, key_pem: private_key.0, certificate_pem: None, scope }
        }
        AuthTable::JwtBearer { token_url, issuer, subject, audience, private_key } => {
            Auth::JwtBearer { token_url, issuer, subject, audience, key_pem: private_key.0 }
        }
    }
}

impl Vendor for RestClient {
    type Settings = RestConfig;

    fn client(config: RestConfig, adjust: impl FnOnce(&mut ProviderHttpConfig)) -> Result<Self, ConfigError> {
        let rest = Rest::compile(&config).map_err(|_| ConfigError::Description { upstream: NAME })?;
        let mut http = config.http();
        http.trailing_slash = rest.trailing_slash;
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, rest: Arc::new(rest), mapping: Mapping::default() })
    }

    fn faults(config: &RestConfig) -> Vec<SettingFault> {
        Rest::compile(config).err().unwrap_or_default()
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

impl RestClient {
    async fn get(&self, target: &Target, etag: Option<&str>) -> Result<Answer<Json>, ProviderError> {
        self.http.get_json(&target.segments(), &target.pairs(), etag).await
    }

    /// The record in a reply.
    fn item(&self, reply: Json) -> Result<Item, ProviderError> {
        let (mut reply, _) = reply.into_value();
        let Some(path) = &self.rest.record else { return Ok(Item::new(reply)) };
        match path.one(&reply) {
            Ok(Some(record)) => {
                let record = record.clone();
                reply = record;
                Ok(Item::new(reply))
            }
            _ => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    fn understood(&self, asked: &str, item: &Item, etag: Option<String>) -> Result<Fetched, ProviderError> {
        // The ID first: the state of another record proves nothing about this one.
        if self.rest.item.id(item)? != asked {
            return Err(ProviderError::WHOLE_REPLY_MALFORMED);
        }
        if self.rest.item.is_gone(item) {
            return Ok(Fetched::Gone { merged_into: None });
        }
        found(asked, self.mapping.marked(self.rest.item.read(item, etag.filter(|_| self.rest.etag))?))
    }

    /// A status that says that the record is not there.
    fn absent(&self, status: u16) -> Fetched {
        if self.rest.gone_status.contains(&status) {
            Fetched::Gone { merged_into: None }
        } else {
            Fetched::NotFound
        }
    }

    async fn page(&self, list: &List, place: Place, target: Target) -> Result<Read, ProviderError> {
        let target = place.target(list, target);
        let segments = target.segments();
        let answer = self.http.get_json_and_link::<Json>(&segments, &target.pairs()).await?;
        let (reply, link) = answer.always_found()?;
        let (reply, _) = reply.into_value();
        place.read(list, &reply, link, |link| self.http.query_of(link, &segments))
    }

    fn batch(&self) -> Result<&Batch, ProviderError> {
        self.rest.batch.as_ref().ok_or(INVALID)
    }

    fn list_table(&self) -> Result<&List, ProviderError> {
        self.rest.list.as_ref().ok_or(NO_LIST)
    }
}

#[async_trait]
impl Records for RestClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        webhook::read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let known_etag = self.mapping.known_etag(known_etag).filter(|_| self.rest.etag);
        // As a part of a segment, an empty ID would name another resource.
        if id.is_empty() {
            return Err(INVALID);
        }
        match self.get(&self.rest.fetch.with(id), known_etag).await? {
            Answer::Found { value, etag } => self.understood(id, &self.item(value)?, etag),
            Answer::NotModified => Ok(Fetched::NotModified),
            Answer::NotFound => Ok(self.absent(404)),
            Answer::Gone => Ok(self.absent(410)),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        if let Some(ping) = &self.rest.ping {
            return self.get(&ping.plain(), None).await?.always_found().map(drop);
        }
        let list = self.list_table()?;
        self.page(list, Place::default(), list.path.plain()).await.map(drop)
    }

    fn batches(&self) -> Option<&dyn Batches> {
        self.rest.batch.is_some().then_some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        self.rest.list.is_some().then_some(self)
    }

    fn push(&self) -> Option<&dyn Push> {
        self.rest.pushes.is_some().then_some(self)
    }
}

#[async_trait]
impl Push for RestClient {
    fn property(&self, field: &str) -> Option<&str> {
        let place = self.rest.pushes.as_ref()?.places.get(field)?;
        (field != KEY).then_some(place)
    }

    fn can_write(&self, property: &str) -> bool {
        let Some(pushes) = &self.rest.pushes else { return false };
        pushes.places.iter().any(|(field, place)| place == property && field != KEY)
    }

    async fn upsert(&self, write: &RecordWrite) -> Result<Written, ProviderError> {
        self.rest.pushes.as_ref().ok_or(INVALID)?.upsert(&self.http, write).await
    }
}

#[async_trait]
impl Batches for RestClient {
    fn most(&self) -> usize {
        self.rest.batch.as_ref().map_or(1, |batch| batch.max)
    }

    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        let batch = self.batch()?;
        // An ID with a separator in it would be two.
        let joined: Vec<&str> =
            ids.iter().map(String::as_str).filter(|id| !id.contains(&batch.separator)).collect();
        let mut answers: HashMap<String, Option<Fetched>> = HashMap::new();
        if !joined.is_empty() {
            let reply =
                self.get(&batch.path.with(&joined.join(&batch.separator)), None).await?.always_found()?;
            let (reply, _) = reply.into_value();
            let items = batch.items.items(&reply).ok_or(ProviderError::WHOLE_REPLY_MALFORMED)?;
            for item in items {
                let record = batch.record.as_ref().map_or(Ok(Some(item)), |path| path.one(item));
                let Ok(Some(record)) = record else { continue };
                let item = Item::new(Value::clone(record));
                let Ok(id) = self.rest.item.id(&item) else { continue };
                // Two answers about one record: it is read alone.
                let answer = self.understood(&id, &item, None).ok();
                answers.entry(id).and_modify(|known| *known = None).or_insert(answer);
            }
        }
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(match answers.remove(id).flatten() {
                Some(answer) => answer,
                // A list without it proves nothing.
                None => self.fetch(id, None).await?,
            });
        }
        Ok(all)
    }
}

#[async_trait]
impl Listing for RestClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let list = self.list_table()?;
        let place: Place = after.map_or(Ok(Place::default()), serde_json::from_str).map_err(|_| INVALID)?;
        let Read { page, next } = self.page(list, place, list.path.plain()).await?;
        let next = next.map(|next| serde_json::to_string(&next)).transpose().map_err(|_| INVALID)?;
        Ok(ListedPage { next, ..page })
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let (list, (path, format)) = (self.list_table()?, self.rest.changes.as_ref().ok_or(NO_LIST)?);
        let mut feed = Feed::read(from, OffsetDateTime::now_utc())?;
        let target = path.with(&feed.since(*format)?);
        let place = std::mem::take(&mut feed.place);
        feed.page(self.page(list, place, target).await?)
    }
}
