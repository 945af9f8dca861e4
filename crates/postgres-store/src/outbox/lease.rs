//! What both outbox tables do with leases. The statements exist once; sqlx checks each for both tables, so the name of the
//! table has to be a literal, and these are macros.

use time::OffsetDateTime;

/// What waits in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Rows that the bus has not taken.
    pub waiting: i64,
    /// When the oldest of them was committed.
    pub oldest_at: Option<OffsetDateTime>,
}

macro_rules! lease_rows {
    ($table:literal, $columns:literal, $store:expr, $limit:expr, $lease:expr) => {
        // A row that returns again and again (refused by the bus, or written by a newer version) has the latest end of a lease,
        // so it delays no other row. A lease reads no more of the index than it takes, however many rows wait.
        sqlx::query!(
            "update "
                + $table
                + r#" set leased_until = now() + make_interval(secs => $2)
               where event_id = any (array(
                   select event_id from "#
                + $table
                + r#" where leased_until <= now()
                   order by leased_until, event_id limit $1 for update skip locked))
               returning event_id, "#
                + $columns,
            i64::from($limit),
            $lease.as_secs_f64()
        )
        .fetch_all(&$store.pool)
    };
}

macro_rules! outbox_methods {
    ($table:literal, $remove:ident, $release:ident, $depth:ident) => {
        impl $crate::Store {
            /// Removes events that the bus has taken.
            ///
            /// # Errors
            /// [`StoreError::Unavailable`](crate::StoreError): then a relay publishes them once more.
            pub async fn $remove(&self, event_ids: &[uuid::Uuid]) -> Result<(), $crate::StoreError> {
                sqlx::query!("delete from " + $table + " where event_id = any ($1)", event_ids)
                    .execute(&self.pool)
                    .await?;
                Ok(())
            }

            /// Ends the leases of events that the bus did not take, after `delay`.
            ///
            /// # Errors
            /// [`StoreError::Unavailable`](crate::StoreError): then the leases expire at their own time.
            pub async fn $release(
                &self,
                event_ids: &[uuid::Uuid],
                delay: std::time::Duration,
            ) -> Result<(), $crate::StoreError> {
                sqlx::query!(
                    "update "
                        + $table
                        + " set leased_until = now() + make_interval(secs => $2) where event_id = any ($1)",
                    event_ids,
                    delay.as_secs_f64()
                )
                .execute(&self.pool)
                .await?;
                Ok(())
            }

            /// How many rows wait, and since when.
            ///
            /// # Errors
            /// [`StoreError::Unavailable`](crate::StoreError).
            pub async fn $depth(&self) -> Result<$crate::OutboxDepth, $crate::StoreError> {
                let depth = sqlx::query_as!(
                    $crate::OutboxDepth,
                    r#"select count(*) as "waiting!", min(created_at) as oldest_at from "# + $table
                );
                Ok(depth.fetch_one(&self.pool).await?)
            }
        }
    };
}

pub(super) use {lease_rows, outbox_methods};
