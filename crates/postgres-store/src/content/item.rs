//! Table `content_item`: what the CMS has, as it last said it.
//!
//! A page of the CMS's is one transaction: the items behind their guard, the announcements of those that changed, and
//! the cursor. What of a listing is kept besides is in `content_listing.rs`.

use std::collections::BTreeMap;

use event_contract::EventKind;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::key::{ContentKey, storable, storable_text};
use super::listing;
use crate::outbox::{self, Announce};
use crate::proof::Write;
use crate::records::source_cursor::{CursorMove, step_cursor};
use crate::{Store, StoreError};

/// What one reading found of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentReading {
    /// Which item.
    pub key: ContentKey,
    /// `None`: the source says that it is gone.
    pub item: Option<ContentItem>,
    /// The source's own ordered version; of an item that is gone, when it went, where that is known.
    pub version_at: Option<OffsetDateTime>,
}

/// An item that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentItem {
    /// The editors' name of the kind of content.
    pub content_type: String,
    /// The languages it has values in.
    pub locales: Vec<String>,
    /// Its fields, opaque.
    pub body: Value,
    /// Whether readers of the site may see it.
    pub published: bool,
    /// The source's own count, where it has one.
    pub source_revision: Option<i64>,
}

/// A page, and what commits with it.
#[derive(Debug, Clone, Copy)]
pub struct ContentLoad<'a> {
    /// Where it is from.
    pub source: &'a str,
    /// Drawn before the page was asked for.
    pub ticket: i64,
    /// What is on it.
    pub readings: &'a [ContentReading],
    /// Whether these items are part of the listing that is under way.
    pub listed: bool,
    /// How the reading's own cursor moves.
    pub step: CursorMove<'a>,
    /// How to announce changes.
    pub announce: Announce,
}

/// What a page changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadedContent {
    /// Items that are new, or have changed.
    pub changed: u64,
    /// Items that were there and are gone.
    pub gone: u64,
}

impl Store {
    /// Draws the ticket of a reading that is about to begin: later readings have higher numbers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn draw_content_ticket(&self) -> Result<i64, StoreError> {
        let ticket = sqlx::query_scalar!(r#"select nextval('refetch_ticket') as "ticket!""#);
        Ok(ticket.fetch_one(&self.pool).await?)
    }

    /// Loads a page in one transaction; each change is announced as [`EventKind::ContentChanged`] with it. Without the
    /// proof, all of it is done and rolled back: the counts are those of a load, and nothing is written.
    ///
    /// `None`, and nothing is written: the cursor is not where it was expected, so somebody else reads too.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn load_content(
        &self,
        load: &ContentLoad<'_>,
        proof: Option<&Write>,
    ) -> Result<Option<LoadedContent>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // First of all, and its row stays locked: of two readers, the second waits here and then finds it moved.
        if proof.is_some() && !step_cursor(&mut transaction, load.source, load.step).await? {
            return Ok(None);
        }
        let readings = latest(load.readings);
        let (loaded, changes) = upsert(&mut transaction, load, &readings).await?;
        if load.listed {
            let keys = |there| {
                let part = readings.iter().filter(move |(_, reading)| reading.item.is_some() == there);
                part.map(|(key, _)| key)
            };
            listing::note(&mut transaction, load.source, keys(true)).await?;
            listing::strike(&mut transaction, load.source, keys(false)).await?;
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

/// By key, in the order in which rows are written; of several readings of one item the newest, or else the last.
fn latest(readings: &[ContentReading]) -> BTreeMap<ContentKey, &ContentReading> {
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

/// Writes readings behind the guard, and answers what changed, with its ID and revision.
///
/// The guard, in words. A newer version wins, an older one loses; on a tie, or where one of the two has no version, the
/// later reading wins, if it says something else. An item that went at a known time is gone, unless what is stored is
/// newer than that. One of which only its absence tells that it went is gone, unless it was read since. A second
/// deletion moves the time on, so that a reading from between the two brings nothing back. An item that was never read
/// gets its tombstone too, silently: a page that was asked for before the deletion may arrive after it.
async fn upsert(
    connection: &mut PgConnection,
    load: &ContentLoad<'_>,
    readings: &BTreeMap<ContentKey, &ContentReading>,
) -> Result<(LoadedContent, Vec<(Uuid, i64)>), StoreError> {
    let items = || readings.values().map(|reading| reading.item.as_ref());
    let ids: Vec<Uuid> = readings.iter().map(|_| Uuid::now_v7()).collect();
    let collections: Vec<String> = readings.keys().map(|key| key.collection.clone()).collect();
    let external_ids: Vec<String> = readings.keys().map(|key| key.external_id.clone()).collect();
    let content_types: Vec<Option<String>> =
        items().map(|item| item.map(|item| storable_text(&item.content_type))).collect();
    // An array of arrays would have to be rectangular.
    let locales: Vec<Value> = items()
        .map(|item| storable(Value::from(item.map_or_else(Vec::new, |i| i.locales.clone()))))
        .collect();
    let bodies: Vec<Option<Value>> =
        items().map(|item| item.map(|item| storable(item.body.clone()))).collect();
    let published: Vec<bool> = items().map(|item| item.is_some_and(|item| item.published)).collect();
    let revisions: Vec<Option<i64>> =
        items().map(|item| item.and_then(|item| item.source_revision)).collect();
    let versions: Vec<Option<OffsetDateTime>> = readings.values().map(|reading| reading.version_at).collect();
    let rows = sqlx::query!(
        r#"insert into content_item as stored
               (content_item_id, source, collection, external_id, content_type, locales, body, published,
                source_revision, version_at, ticket, gone_at)
           select new.id, $1, new.collection, new.external_id, new.content_type,
                  array(select jsonb_array_elements_text(new.locales)), new.body, new.published, new.source_revision,
                  new.version_at, $2, case when new.body is null then now() end
           from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[], $9::boolean[],
                       $10::bigint[], $11::timestamptz[])
                as new (id, collection, external_id, content_type, locales, body, published, source_revision, version_at)
           order by new.collection, new.external_id
           on conflict (source, collection, external_id) do update set
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
        load.source,
        load.ticket,
        &ids,
        &collections,
        &external_ids,
        &content_types as &[Option<String>],
        &locales,
        &bodies as &[Option<Value>],
        &published,
        &revisions as &[Option<i64>],
        &versions as &[Option<OffsetDateTime>]
    )
    .fetch_all(connection)
    .await?;
    let (mut loaded, mut changes) = (LoadedContent::default(), Vec::new());
    for row in rows {
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
