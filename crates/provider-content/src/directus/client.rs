//! The items API (<https://directus.io/docs/api/items>): pages of changes, an item by ID, how many items there are, a ping.

use provider_http::json::Json;
use provider_http::{Answer, ProviderError, ProviderHttp};
use time::OffsetDateTime;
use url::Url;

use super::SOURCE;
use super::config::DirectusConfig;
use super::cursor::{Cursor, Place, Stream};
use super::query::{self, Query};
use super::record::Record;
use crate::{ChangesError, ChangesPage, ContentProvider, FetchedItem, Item, ItemKey};

const MALFORMED: ProviderError = ProviderError::WHOLE_REPLY_MALFORMED;

/// A client of one collection. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct DirectusClient {
    http: ProviderHttp,
    server: String,
    collection: String,
    page_size: u32,
}

impl DirectusClient {
    pub(crate) fn of(config: DirectusConfig, http: ProviderHttp) -> Self {
        let DirectusConfig { base_url, collection, page_size, .. } = config;
        Self { http, server: server(&base_url), collection, page_size }
    }

    async fn read(&self, query: &Query) -> Result<Vec<Json>, ProviderError> {
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        data(self.http.get_json(&["items", &self.collection], &query, None).await?)
    }

    /// A page of a stream, of fewer items if it would be too large.
    async fn changes(
        &self,
        stream: Stream,
        after: Option<&Place>,
        newest: Option<OffsetDateTime>,
    ) -> Result<Vec<Json>, ProviderError> {
        let mut page_size = self.page_size;
        loop {
            let query = query::changes(stream, after, newest, page_size);
            match self.http.search_json(&["items", &self.collection], &query).await {
                Err(ProviderError::TooLarge { .. }) if page_size > 1 => page_size /= 2,
                page => return data(page?),
            }
        }
    }

    async fn follow(&self, cursor: Cursor) -> Result<ChangesPage, ChangesError> {
        let Cursor { stream, after, mut newest } = cursor;
        let name = &self.collection;
        let known = stream.newest(&mut newest);
        let records = self.changes(stream, after.as_ref(), *known).await?;
        // Not a short page: the server's limit of a page (`QUERY_LIMIT_MAX`) may be smaller than ours, and it does not say so.
        if records.is_empty() {
            let next = Cursor { stream: stream.next(), after: None, newest };
            return page(Vec::new(), &next, stream == Stream::Created);
        }
        // An item without an ID, or without the time by which the page is sorted, costs no other.
        let length = records.len();
        let readable: Vec<Record> = records
            .iter()
            .filter_map(Record::read)
            .filter(|record| record.id().is_some() && record.time(stream).is_some())
            .collect();
        if readable.is_empty() {
            return Err(MALFORMED.into());
        }
        let ignored = length - readable.len();
        let place = place(stream, after, &readable).ok_or(MALFORMED)?;
        *known = (*known).max(Some(place.at));
        let next = Cursor { stream, after: Some(place), newest };
        Ok(ChangesPage { ignored, ..page(items(readable, name)?, &next, true)? })
    }
}

/// The server's host and path: two servers have different items under the same IDs.
fn server(base_url: &Url) -> String {
    let host = base_url.host_str().unwrap_or_default();
    let port = base_url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{host}{port}{}", base_url.path().trim_end_matches('/'))
}

fn data(answer: Answer<Json>) -> Result<Vec<Json>, ProviderError> {
    let reply = answer.always_found()?;
    // A singleton has one object here, and no pages: it is no list of one.
    match reply.at("data").value() {
        Ok(Some(Json::List(items))) => Ok(items.clone()),
        _ => Err(MALFORMED),
    }
}

/// Where a stream continues after these records. `None`: they break its order, or were read before.
fn place(stream: Stream, after: Option<Place>, records: &[Record]) -> Option<Place> {
    let mut place = after;
    for record in records {
        let (at, id) = (record.time(stream)?, record.id()?);
        match &mut place {
            Some(known) if known.at == at => known.ids.insert(id).then_some(())?,
            Some(known) if known.at > at => return None,
            _ => place = Some(Place { at, ids: [id].into() }),
        }
    }
    place
}

fn items(records: Vec<Record>, collection: &str) -> Result<Vec<Item>, ProviderError> {
    records.into_iter().map(|record| record.item(collection).ok_or(MALFORMED)).collect()
}

fn page(items: Vec<Item>, next: &Cursor, more: bool) -> Result<ChangesPage, ChangesError> {
    let next = next.to_text().ok_or(ChangesError::CursorRefused)?;
    Ok(ChangesPage { items, deletions: Vec::new(), ignored: 0, next, more })
}

impl ContentProvider for DirectusClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn scope(&self) -> String {
        format!("{}/{}", self.server, self.collection)
    }

    async fn changed_since(&self, cursor: Option<&str>) -> Result<ChangesPage, ChangesError> {
        match cursor {
            None => self.follow(Cursor::default()).await,
            Some(text) => self.follow(Cursor::parse(text).ok_or(ChangesError::CursorRefused)?).await,
        }
    }

    async fn count(&self) -> Result<u64, ProviderError> {
        let counted = self.read(&vec![("aggregate[count]", String::from("*"))]).await?;
        let [one] = counted.as_slice() else { return Err(MALFORMED) };
        // Some database drivers return it as a text.
        one.at("count").number().ok().flatten().ok_or(MALFORMED)
    }

    async fn fetch_item(&self, key: &ItemKey) -> Result<FetchedItem, ProviderError> {
        match self.read(&query::one(&key.id)).await?.as_slice() {
            [] => Ok(FetchedItem::Gone),
            [one] => match Record::read(one).and_then(|record| record.item(&self.collection)) {
                Some(item) if item.key == *key => Ok(FetchedItem::Found(Box::new(item))),
                _ => Err(MALFORMED),
            },
            _ => Err(MALFORMED),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.read(&query::any()).await.map(drop)
    }
}
