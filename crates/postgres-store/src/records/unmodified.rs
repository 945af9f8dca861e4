//! A source's answer "not modified" is a reading too: it fences earlier refetches. In: records, and the tickets of their
//! refetches. Out: whether the known state is the stored one. It does not know how a source compares entity tags.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::source_record::RefetchTicket;
use crate::{Store, StoreError};

impl Store {
    /// Records that the entity tag known when the ticket was drawn is still current at the source. Returns for each record
    /// whether the stored state has that tag, or was read later. `false`: an earlier refetch was written meanwhile, so read the
    /// record again.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn confirm_unmodified(
        &self,
        source: &str,
        unmodified: &[(String, RefetchTicket)],
    ) -> Result<Vec<bool>, StoreError> {
        // Versions finer than a second fence by themselves, so those rows are not written.
        let fenced_by_ticket = || unmodified.iter().filter(|(_, ticket)| !is_fine(ticket.known_version));
        let ids: Vec<String> = fenced_by_ticket().map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return Ok(vec![true; unmodified.len()]);
        }
        let mut transaction = self.pool.begin().await?;
        // Lock first, then compare: this waits for a transaction that is writing the row, and sees what it wrote.
        let rows = sqlx::query!(
            r#"select external_id, etag, ticket from source_record
               where source = $1 and external_id = any ($2) order by external_id for no key update"#,
            source,
            &ids
        )
        .fetch_all(&mut *transaction)
        .await?;
        let stored: HashMap<&str, (Option<&str>, i64)> =
            rows.iter().map(|row| (row.external_id.as_str(), (row.etag.as_deref(), row.ticket))).collect();
        let is_known = |id: &str, read: &RefetchTicket| {
            stored.get(id).is_some_and(|(etag, _)| *etag == read.known_etag.as_deref())
        };
        let (moved, tickets): (Vec<String>, Vec<i64>) = fenced_by_ticket()
            .filter(|(id, read)| is_known(id, read))
            .map(|(id, read)| (id.clone(), read.number))
            .unzip();
        sqlx::query!(
            r#"update source_record stored set ticket = read.ticket
               from unnest($2::text[], $3::bigint[]) as read (external_id, ticket)
               where stored.source = $1 and stored.external_id = read.external_id and stored.ticket < read.ticket"#,
            source,
            &moved,
            &tickets
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let stands = |(id, read): &(String, RefetchTicket)| {
            let read_later = || stored.get(id.as_str()).is_some_and(|(_, ticket)| *ticket > read.number);
            is_fine(read.known_version) || is_known(id, read) || read_later()
        };
        Ok(unmodified.iter().map(stands).collect())
    }
}

fn is_fine(version: Option<OffsetDateTime>) -> bool {
    version.is_some_and(|version| version.nanosecond() != 0)
}
