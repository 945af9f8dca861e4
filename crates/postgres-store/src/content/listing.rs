//! Table `content_listing`: the items that a listing of a whole scope has seen. Rows exist exactly as long as the listing's
//! cursor: they are created with its first page and deleted at its end.

use super::key::{ContentKey, ContentScope, storable_text};
use crate::bounded::PgConnection;
use crate::records::source_cursor::{CursorMove, put_cursor, step_cursor};
use crate::{Store, StoreError};

/// How many items a scope has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentCounts {
    /// Items that are present.
    pub present: u64,
    /// Items that the listing in progress has seen.
    pub listed: u64,
}

impl Store {
    /// How many items are stored as present, and how many of them are listed.
    pub async fn content_counts(&self, of: ContentScope<'_>) -> Result<ContentCounts, StoreError> {
        let row = sqlx::query!(
            r#"select (select count(*) from content_item
                       where source = $1 and scope = $2 and gone_at is null) as "present!",
                      (select count(*) from content_listing where source = $1 and scope = $2) as "listed!""#,
            of.source,
            of.scope
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(ContentCounts { present: count(row.present), listed: count(row.listed) })
    }

    /// Items that are stored as present and were not listed, in the order of their keys. `dry_run`: the items that a dry run
    /// listed, since it stores no rows here.
    pub async fn unlisted_content(
        &self,
        of: ContentScope<'_>,
        dry_run: Option<&[ContentKey]>,
    ) -> Result<Vec<ContentKey>, StoreError> {
        let (collections, external_ids) = columns(dry_run.unwrap_or_default().iter());
        let keys = sqlx::query_as!(
            ContentKey,
            r#"select collection, external_id from content_item item
               where source = $1 and scope = $5 and gone_at is null
                 and not exists (select from content_listing listed
                                 where not $2 and listed.source = item.source and listed.scope = item.scope
                                   and listed.collection = item.collection
                                   and listed.external_id = item.external_id)
                 and not exists (select from unnest($3::text[], $4::text[]) as listed (collection, external_id)
                                 where listed.collection = item.collection and listed.external_id = item.external_id)
               order by collection, external_id"#,
            of.source,
            dry_run.is_some(),
            &collections,
            &external_ids,
            of.scope
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(keys)
    }

    /// Ends a listing: deletes its rows and its cursor. `changes`: for a complete listing, the entity and the cursor from which
    /// changes are read next; `None`: it is abandoned. `false`, and nothing is done: the cursor is not at the expected
    /// position.
    pub async fn end_content_listing(
        &self,
        of: ContentScope<'_>,
        entity: &str,
        from: &str,
        changes: Option<(&str, &str)>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let step = CursorMove { entity, from: Some(from), to: None };
        if !step_cursor(&mut transaction, of.source, step).await? {
            return Ok(false);
        }
        sqlx::query!("delete from content_listing where source = $1 and scope = $2", of.source, of.scope)
            .execute(&mut *transaction)
            .await?;
        if let Some((entity, cursor)) = changes {
            put_cursor(&mut transaction, of.source, entity, cursor).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

pub(crate) async fn note<'a>(
    connection: &mut PgConnection,
    of: ContentScope<'_>,
    keys: impl Iterator<Item = &'a ContentKey>,
) -> Result<(), StoreError> {
    let (collections, external_ids) = columns(keys);
    sqlx::query!(
        r#"insert into content_listing (source, scope, collection, external_id)
           select $1, $4, new.collection, new.external_id from unnest($2::text[], $3::text[]) as new (collection, external_id)
           order by new.collection, new.external_id
           on conflict do nothing"#,
        of.source,
        &collections,
        &external_ids,
        of.scope
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn strike<'a>(
    connection: &mut PgConnection,
    of: ContentScope<'_>,
    keys: impl Iterator<Item = &'a ContentKey>,
) -> Result<(), StoreError> {
    // They were deleted while the listing was in progress.
    let (collections, external_ids) = columns(keys);
    sqlx::query!(
        r#"delete from content_listing listed using unnest($2::text[], $3::text[]) as went (collection, external_id)
           where listed.source = $1 and listed.scope = $4 and listed.collection = went.collection
             and listed.external_id = went.external_id"#,
        of.source,
        &collections,
        &external_ids,
        of.scope
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn columns<'a>(keys: impl Iterator<Item = &'a ContentKey>) -> (Vec<String>, Vec<String>) {
    keys.map(|key| (storable_text(&key.collection), storable_text(&key.external_id))).unzip()
}
