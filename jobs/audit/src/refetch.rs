//! Reads one record from its source, with the retries of a worker. Must not know what is stored.

use std::time::Duration;

use connectors::ProviderError;
use record_sync::SourceRecords;

use crate::comparison::Answer;

const ATTEMPTS: u32 = 3;
// A source that asks for more pauses counts as down: its quota of the day is used up.
const PAUSES: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The source's answer for `id`. `None`: it works, and cannot answer for this record. After an error no record can be compared.
pub(crate) async fn refetch(source: &SourceRecords, id: &str) -> Result<Option<Answer>, ProviderError> {
    let (mut attempts, mut pauses) = (0, 0);
    loop {
        let error = match source.fetch(id, None).await {
            Ok(fetched) => return Ok(Answer::of(&fetched)),
            Err(error) => error,
        };
        match &error {
            ProviderError::RateLimited { retry_after } if pauses < PAUSES => {
                pauses += 1;
                tokio::time::sleep(*retry_after).await;
            }
            ProviderError::Unavailable { retry_after, .. } if attempts + 1 < ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(retry_after.unwrap_or(RETRY_AFTER)).await;
            }
            ProviderError::Unauthorized | ProviderError::RateLimited { .. } => return Err(error),
            // It is the record's fault only if a probe succeeds: a maintenance page looks like a broken record.
            ProviderError::Unavailable { .. }
            | ProviderError::Invalid { .. }
            | ProviderError::Refused { .. }
            | ProviderError::Malformed { .. }
            | ProviderError::Unreadable { .. }
            | ProviderError::TooLarge { .. }
            | ProviderError::Unusable { .. } => return source.ping().await.map(|()| None),
        }
    }
}
