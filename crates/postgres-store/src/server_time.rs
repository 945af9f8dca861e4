//! The database's clock: for whoever checks that clocks agree. Nothing here is ordered by it.

use time::OffsetDateTime;

use crate::{Store, StoreError};

impl Store {
    /// What time it is at the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn server_time(&self) -> Result<OffsetDateTime, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }
}
