//! Table `content_item`: the items of the CMS, as last read. A page is one transaction: its items behind their guard, the
//! announcements of changed items, and the cursor. `listing.rs` keeps the state of a listing.

use std::collections::BTreeMap;

use event_contract::EventKind;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::key::{ContentKey, ContentScope, storable, storable_text};
use super::listing;
use crate::bounded::PgConnection;
use crate::outbox::{self, Announce};
use crate::proof::Write;
use crate::records::source_cursor::{CursorMove, step_cursor};
use crate::{Store, StoreError};

/// The result of one reading of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentReading {
    /// The item's name.
    pub key: ContentKey,
    /// The item. `None`: it is gone.
    pub item: Option<ContentItem>,
    /// The source's own ordered version. For an item that is gone: when it was deleted, if known.
    pub version_at: Option<OffsetDateTime>,
}

/// An item that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentItem {
    /// The content model's name of the type.
    pub content_type: String,
    /// The languages in which it has values.
    pub locales: Vec<String>,
    /// Its fields, opaque.
    pub body: Value,
    /// Whether it is visible on the site.
    pub published: bool,
    /// The source's own revision number, where it has one.
    pub source_revision: Option<i64>,
}

/// A page, and what commits with it.
#[derive(Debug, Clone, Copy)]
pub struct ContentLoad<'a> {
    /// Where the items belong.
    pub scope: ContentScope<'a>,
    /// Drawn before the page was requested.
    pub ticket: i64,
    /// The items on the page.
    pub readings: &'a [ContentReading],
    /// Whether the page is part of the listing in progress.
    pub listed: bool,
    /// How the reader's cursor moves.
    pub step: CursorMove<'a>,
    /// How to announce changes.
    pub announce: Announce,
}

/// How many items a page changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadedContent {
    /// New and changed items.
    pub changed: u64,
    /// Items that were present and are gone.
    pub gone: u64,
}

impl Store {
    /// Draws the ticket for a reading that is about to begin. Later readings get higher numbers.
    pub async fn draw_content_ticket(&self) -> Result<i64, StoreError> {
        let ticket = sqlx::query_scalar!(r#"select nextval('refetch_ticket') as "ticket!""#);
        Ok(ticket.fetch_one(&self.pool).await?)
    }

    /// Loads a page in one transaction, and announces each change as [`EventKind::ContentChanged`]. Without the proof it does
    /// the same and rolls back: the counts are those of a load. `None`, and nothing is written: another process has moved the
    /// cursor.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn load_content(
        &self,
        load: &ContentLoad<'_>,
        proof: Option<&Write>,
    ) -> Result<Option<LoadedContent>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // First, because its row stays locked: the second of two readers waits here and then finds that the cursor has moved.
        if proof.is_some() && !step_cursor(&mut transaction, load.scope.source, load.step).await? {
            return Ok(None);
        }
        let readings = latest(load.readings);
        let (loaded, changes) = upsert(&mut transaction, load, &readings).await?;
        if load.listed {
            let keys = |there| {
                let part = readings.iter().filter(move |(_, reading)| reading.item.is_some() == there);
                part.map(|(key, _)| key)
            };
            listing::note(&mut transaction, load.scope, keys(true)).await?;
            listing::strike(&mut transaction, load.scope, keys(false)).await?;
        }
        let announcements: Vec<_> = changes
            .into_iter()
            .map(|(id, revision)| {
                (EventKind::ContentChanged, outbox::announcement(id, revision, load.announce))
            })
            .collect();
        outbox::insert(&mut transaction, &announcements).await?;
        if proof.is_none() {
            transaction.rollback().await?;
            return Ok(Some(loaded));
        }
        transaction.commit().await?;
        if !announcements.is_empty() {
            self.outbox_filled.notify_one();
        }
        Ok(Some(loaded))
    }
}

fn latest(readings: &[ContentReading]) -> BTreeMap<ContentKey, &ContentReading> {
    // By key, in the order in which rows are written. Of several readings of one item the newest counts, else the last.
    let mut latest: BTreeMap<ContentKey, &ContentReading> = BTreeMap::new();
    for reading in readings {
        let key = ContentKey {
            collection: storable_text(&reading.key.collection),
            external_id: storable_text(&reading.key.external_id),
        };
        latest
            .entry(key)
            .and_modify(|known| {
                if reading.version_at >= known.version_at {
                    *known = reading;
                }
            })
            .or_insert(reading);
    }
    latest
}

struct Columns {
    ids: Vec<Uuid>,
    collections: Vec<String>,
    external_ids: Vec<String>,
    content_types: Vec<Option<String>>,
    locales: Vec<Value>,
    bodies: Vec<Option<Value>>,
    published: Vec<bool>,
    revisions: Vec<Option<i64>>,
    versions: Vec<Option<OffsetDateTime>>,
}

impl Columns {
    fn of(readings: &BTreeMap<ContentKey, &ContentReading>) -> Self {
        let items = || readings.values().map(|reading| reading.item.as_ref());
        // An array of arrays would have to be rectangular, so each row's list is a JSON array.
        let locales = |item: Option<&ContentItem>| item.map_or_else(Vec::new, |item| item.locales.clone());
        Self {
            ids: readings.iter().map(|_| Uuid::now_v7()).collect(),
            collections: readings.keys().map(|key| key.collection.clone()).collect(),
            external_ids: readings.keys().map(|key| key.external_id.clone()).collect(),
            content_types: items().map(|item| item.map(|item| storable_text(&item.content_type))).collect(),
            locales: items().map(|item| storable(Value::from(locales(item)))).collect(),
            bodies: items().map(|item| item.map(|item| storable(item.body.clone()))).collect(),
            published: items().map(|item| item.is_some_and(|item| item.published)).collect(),
            revisions: items().map(|item| item.and_then(|item| item.source_revision)).collect(),
            versions: readings.values().map(|reading| reading.version_at).collect(),
        }
    }
}

async fn upsert(
    connection: &mut PgConnection,
    load: &ContentLoad<'_>,
    readings: &BTreeMap<ContentKey, &ContentReading>,
) -> Result<(LoadedContent, Vec<(Uuid, i64)>), StoreError> {
    let (mut loaded, mut changes) = (LoadedContent::default(), Vec::new());
    for row in write(connection, load, &Columns::of(readings)).await? {
        let never_read = row.gone && row.revision == 1;
        if never_read || !row.changed {
            continue;
        }
        if row.gone {
            loaded.gone += 1;
        } else {
            loaded.changed += 1;
        }
        changes.push((row.content_item_id, row.revision));
    }
    Ok((loaded, changes))
}

struct Written {
    content_item_id: Uuid,
    revision: i64,
    gone: bool,
    changed: bool,
}

async fn write(
    connection: &mut PgConnection,
    load: &ContentLoad<'_>,
    columns: &Columns,
) -> Result<Vec<Written>, StoreError> {
    // The guard, in words. A newer version wins, an older one loses. On a tie, or if one has no version, the later reading wins
    // if its content differs. A deletion at a known time wins, unless the stored version is newer. A deletion concluded from
    // absence wins, unless the item was read since. A second deletion moves the time of the tombstone, so that a reading from
    // between the two cannot revive the item. An item that was never read gets a tombstone too, without an announcement: a page
    // that was requested before the deletion may arrive after it.
    let written = sqlx::query_as!(
        Written,
        r#"insert into content_item as stored
               (content_item_id, source, scope, collection, external_id, content_type, locales, body, published,
                source_revision, version_at, ticket, gone_at)
           select new.id, $1, $12, new.collection, new.external_id, new.content_type,
                  array(select jsonb_array_elements_text(new.locales)), new.body, new.published, new.source_revision,
                  new.version_at, $2, case when new.body is null then now() end
           from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[], $9::boolean[],
                       $10::bigint[], $11::timestamptz[])
                as new (id, collection, external_id, content_type, locales, body, published, source_revision, version_at)
           order by new.collection, new.external_id
           on conflict (source, scope, collection, external_id) do update set
               content_type = coalesce(excluded.content_type, stored.content_type),
               locales = excluded.locales,
               body = excluded.body,
               published = excluded.published,
               source_revision = coalesce(excluded.source_revision, stored.source_revision),
               version_at = greatest(stored.version_at, excluded.version_at),
               ticket = greatest(stored.ticket, excluded.ticket),
               revision = case when excluded.body is null and stored.body is null
                               then stored.revision else stored.revision + 1 end,
               gone_at = case when excluded.body is null then coalesce(stored.gone_at, now()) end,
               changed_at = case when excluded.body is null and stored.body is null
                                 then stored.changed_at else now() end
           where case
               when excluded.body is null and stored.body is null then excluded.version_at > stored.version_at
               when excluded.body is null and excluded.version_at is null then excluded.ticket > stored.ticket
               when excluded.body is null then coalesce(excluded.version_at >= stored.version_at, true)
               when excluded.version_at > stored.version_at then true
               when excluded.version_at < stored.version_at then false
               else excluded.ticket > stored.ticket
                    and (stored.body, stored.published, stored.content_type)
                        is distinct from (excluded.body, excluded.published, excluded.content_type)
           end
           returning content_item_id, revision, gone_at is not null as "gone!", changed_at = now() as "changed!""#,
        load.scope.source,
        load.ticket,
        &columns.ids,
        &columns.collections,
        &columns.external_ids,
        &columns.content_types as &[Option<String>],
        &columns.locales,
        &columns.bodies as &[Option<Value>],
        &columns.published,
        &columns.revisions as &[Option<i64>],
        &columns.versions as &[Option<OffsetDateTime>],
        load.scope.scope
    )
    .fetch_all(connection)
    .await?;
    Ok(written)
}
