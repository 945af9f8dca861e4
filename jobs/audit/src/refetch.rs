//! Reads one record from its source, with the retries of a worker.
//!
//! In: an ID. Out: the source's answer, or that it cannot answer for this record, or that it is down. Must not know what is
//! stored.

use std::time::Duration;

use provider_http::ProviderError;
use record_sync::RecordSource;

use crate::comparison::Answer;

/// Attempts at one record while the source fails as if it were down.
const ATTEMPTS: u32 = 3;
/// How often the source may ask for a pause. After that it counts as down: its quota of the day is used up.
const PAUSES: u32 = 5;
/// Wait between attempts, where the source names none.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The source's answer for `id`. `None`: it works, and cannot answer for this record.
///
/// # Errors
/// The source is down, refuses our credentials, or its quota is used up: no record can be compared.
pub(crate) async fn refetch<R: RecordSource>(source: &R, id: &str) -> Result<Option<Answer>, ProviderError> {
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
            | ProviderError::Malformed { .. } => return source.ping().await.map(|()| None),
        }
    }
}
