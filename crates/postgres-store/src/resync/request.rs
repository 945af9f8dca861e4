//! Table `resync_request`: sources whose records all have to be read again.

use uuid::Uuid;

use crate::{Store, StoreError};

impl Store {
    /// Requests a resync of a whole source.
    pub async fn request_resync(&self, source: &str, cause: Uuid) -> Result<(), StoreError> {
        // A second request restarts from now: the run in progress may have missed its change.
        sqlx::query!(
            r#"insert into resync_request (source, cause) values ($1, $2)
               on conflict (source) do update set cause = excluded.cause, requested_at = now()"#,
            source,
            cause
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether there is a request for the source.
    pub async fn resync_is_requested(&self, source: &str) -> Result<bool, StoreError> {
        let requested = sqlx::query_scalar!(
            r#"select exists (select from resync_request where source = $1) as "requested!""#,
            source
        );
        Ok(requested.fetch_one(&self.pool).await?)
    }
}
