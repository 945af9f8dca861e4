//! The items API (<https://directus.io/docs/api/items>): pages of changes, an item by ID, how many items there are, a ping.

use provider_http::{Answer, ProviderError, ProviderHttp};
use serde::de::DeserializeOwned;

use super::SOURCE;
use super::config::DirectusConfig;
use super::cursor::{Cursor, Place, Stream};
use super::query::{self, Query};
use super::record::{Aggregate, Record, Reply};
use crate::{ChangesError, ChangesPage, ContentProvider, FetchedItem, Item, ItemKey};

const MALFORMED: ProviderError = ProviderError::WHOLE_REPLY_MALFORMED;

/// A client of one project. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct DirectusClient {
    http: ProviderHttp,
    collections: Vec<String>,
    page_size: u32,
}

impl DirectusClient {
    pub(crate) fn of(config: DirectusConfig, http: ProviderHttp) -> Self {
        Self { http, collections: config.collections.into_iter().collect(), page_size: config.page_size }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &Query,
    ) -> Result<Vec<T>, ProviderError> {
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        data(self.http.get_json(&["items", collection], &query, None).await?)
    }

    async fn follow(&self, cursor: Cursor) -> Result<ChangesPage, ChangesError> {
        let Cursor { stream: number, after, mut newest } = cursor;
        let (stream, collection) = Stream::of(number);
        let name = self.collections.get(collection).ok_or(ChangesError::CursorRefused)?;
        let known = stream.newest(newest.entry(name.clone()).or_default());
        let query = query::changes(stream, after.as_ref(), *known, self.page_size);
        let records: Vec<Record> = data(self.http.search_json(&["items", name], &query).await?)?;
        // Not a short page: the server's limit of a page (`QUERY_LIMIT_MAX`) may be smaller than ours, and it does not say so.
        if records.is_empty() {
            let number = number + 1;
            let more = number < 2 * self.collections.len();
            let next = Cursor { stream: if more { number } else { 0 }, after: None, newest };
            return page(Vec::new(), &next, more);
        }
        let place = place(stream, after, &records).ok_or(MALFORMED)?;
        *known = (*known).max(Some(place.at));
        page(items(records, name)?, &Cursor { stream: number, after: Some(place), newest }, true)
    }
}

fn data<T>(answer: Answer<Reply<T>>) -> Result<Vec<T>, ProviderError> {
    answer.always_found().map(|reply| reply.data)
}

/// Where a stream continues after these records. `None`: they break its order, or were read before.
fn place(stream: Stream, after: Option<Place>, records: &[Record]) -> Option<Place> {
    let mut place = after;
    for record in records {
        let (at, id) = (record.time(stream).ok()??, record.id()?);
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
        self.collections.join(",")
    }

    async fn changed_since(&self, cursor: Option<&str>) -> Result<ChangesPage, ChangesError> {
        match cursor {
            None => self.follow(Cursor::default()).await,
            Some(text) => self.follow(Cursor::parse(text).ok_or(ChangesError::CursorRefused)?).await,
        }
    }

    async fn count(&self) -> Result<u64, ProviderError> {
        let mut count = 0;
        for collection in &self.collections {
            let query = vec![("aggregate[count]", String::from("*"))];
            let counted: Vec<Aggregate> = self.read(collection, &query).await?;
            let [one] = counted.as_slice() else { return Err(MALFORMED) };
            count += one.count().ok_or(MALFORMED)?;
        }
        Ok(count)
    }

    async fn fetch_item(&self, key: &ItemKey) -> Result<FetchedItem, ProviderError> {
        let mut found: Vec<Record> = self.read(&key.collection, &query::one(&key.id)).await?;
        match found.pop() {
            None => Ok(FetchedItem::Gone),
            Some(record) => match record.item(&key.collection) {
                Some(item) if item.key == *key && found.is_empty() => Ok(FetchedItem::Found(Box::new(item))),
                _ => Err(MALFORMED),
            },
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        for collection in &self.collections {
            self.read::<Record>(collection, &query::any()).await?;
        }
        Ok(())
    }
}
