//! Table `source_cursor`: how far each feed of changes has been read.

use time::OffsetDateTime;

use crate::{Store, StoreError};

/// How far a feed has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCursor {
    /// The source's own, opaque to us.
    pub cursor: String,
    /// When it last moved.
    pub moved_at: OffsetDateTime,
}

impl Store {
    /// How far the feed of a source about `entity` has been read. `None`: it was never read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn read_cursor(&self, source: &str, entity: &str) -> Result<Option<SourceCursor>, StoreError> {
        let row = sqlx::query_as!(
            SourceCursor,
            "select cursor, moved_at from source_cursor where source = $1 and entity = $2",
            source,
            entity
        );
        Ok(row.fetch_optional(&self.pool).await?)
    }

    /// Moves it. To be called only after what came before it is safe.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_cursor(&self, source: &str, entity: &str, cursor: &str) -> Result<(), StoreError> {
        sqlx::query!(
            r#"insert into source_cursor (source, entity, cursor) values ($1, $2, $3)
               on conflict (source, entity) do update set cursor = excluded.cursor, moved_at = now()"#,
            source,
            entity,
            cursor
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
