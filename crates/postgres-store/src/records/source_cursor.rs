//! Table `source_cursor`: how far each source has been read. A cursor is opaque text that only its connector understands. It
//! moves by compare-and-set, in the transaction of the records read up to it. So a job that is killed resumes at its last
//! commit; of two jobs that read at the same time, the slower one finds that the cursor has moved, and writes nothing.

use crate::bounded::PgConnection;
use crate::{Store, StoreError};

/// A move of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorMove<'a> {
    /// What the cursor is for.
    pub entity: &'a str,
    /// The expected position; otherwise nothing moves. `None`: there must be no cursor.
    pub from: Option<&'a str>,
    /// The new position. `None`: delete the cursor.
    pub to: Option<&'a str>,
}

impl Store {
    /// The cursor of `entity` at a source. `None`: reading has not begun.
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

    /// Moves a cursor alone, for a reader whose pages write no row. `false`, and nothing moves: it is not at the expected
    /// position.
    pub async fn move_source_cursor(&self, source: &str, step: CursorMove<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let moved = step_cursor(&mut transaction, source, step).await?;
        transaction.commit().await?;
        Ok(moved)
    }
}

/// Moves a cursor within the transaction of the records read up to it. `false`: roll back.
pub(crate) async fn step_cursor(
    connection: &mut PgConnection,
    source: &str,
    step: CursorMove<'_>,
) -> Result<bool, StoreError> {
    let CursorMove { entity, from, to } = step;
    // One statement in each case, so that the second of two transactions waits for the first one's row and then sees it.
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

/// Sets a cursor whatever its position, for a reading that starts from the beginning.
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
