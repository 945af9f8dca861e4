//! Table `source_cursor`: how far each source has been read.
//!
//! A cursor is opaque text of its reader's. It moves by compare-and-set, in the transaction of what was read up to it: so
//! a reader that is killed goes on where its last commit was, and of two that read at the same time one finds that the
//! other was faster, and writes nothing.

use sqlx::PgConnection;

use crate::{Store, StoreError};

/// A cursor that is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorMove<'a> {
    /// What is read at the source.
    pub entity: &'a str,
    /// Where the cursor has to be, or nothing moves. `None`: there has to be none yet.
    pub from: Option<&'a str>,
    /// Where it goes. `None`: it is forgotten.
    pub to: Option<&'a str>,
}

impl Store {
    /// Where the reading of `entity` at a source goes on. `None`: it has not begun.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn source_cursor(&self, source: &str, entity: &str) -> Result<Option<String>, StoreError> {
        let cursor = sqlx::query_scalar!(
            "select cursor from source_cursor where source = $1 and entity = $2",
            source,
            entity
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(cursor)
    }

    /// Moves a cursor by itself, for a reader whose pages write no row. Answers `false`, and moves nothing, when it is
    /// not where it was expected.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn move_source_cursor(&self, source: &str, step: CursorMove<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let moved = step_cursor(&mut transaction, source, step).await?;
        transaction.commit().await?;
        Ok(moved)
    }
}

/// Moves a cursor within the transaction of what was read up to it. `false`: roll back.
///
/// A single statement each, so that of two transactions the second waits for the first one's row and then sees it.
pub(crate) async fn step_cursor(
    connection: &mut PgConnection,
    source: &str,
    step: CursorMove<'_>,
) -> Result<bool, StoreError> {
    let CursorMove { entity, from, to } = step;
    let written = match (from, to) {
        (None, Some(to)) => {
            sqlx::query!(
                r#"insert into source_cursor (source, entity, cursor) values ($1, $2, $3)
                   on conflict (source, entity) do nothing"#,
                source,
                entity,
                to
            )
            .execute(connection)
            .await?
        }
        (Some(from), Some(to)) => {
            sqlx::query!(
                r#"update source_cursor set cursor = $4, moved_at = now()
                   where source = $1 and entity = $2 and cursor = $3"#,
                source,
                entity,
                from,
                to
            )
            .execute(connection)
            .await?
        }
        (Some(from), None) => {
            sqlx::query!(
                "delete from source_cursor where source = $1 and entity = $2 and cursor = $3",
                source,
                entity,
                from
            )
            .execute(connection)
            .await?
        }
        (None, None) => return Ok(true),
    };
    Ok(written.rows_affected() == 1)
}

/// Puts a cursor wherever it is now, for a reading that has begun anew.
pub(crate) async fn put_cursor(
    connection: &mut PgConnection,
    source: &str,
    entity: &str,
    cursor: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"insert into source_cursor (source, entity, cursor) values ($1, $2, $3)
           on conflict (source, entity) do update set cursor = excluded.cursor, moved_at = now()"#,
        source,
        entity,
        cursor
    )
    .execute(connection)
    .await?;
    Ok(())
}
