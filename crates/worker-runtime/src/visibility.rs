//! Keeps messages invisible to other consumers while they are in flight.
//!
//! An extension is due for every message in flight, also for one that only waits. A message that has left the intake is not
//! extended any more: there is no guard that could be forgotten.

use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, EntryError, Queue, Receipt, VISIBILITY_LIMIT};
use tokio::time::Instant;

use crate::intake::{InFlight, Key};
use crate::metrics;

pub(crate) struct Visibility {
    timeout: Duration,
    extending: bool,
    next_look: Instant,
}

impl Visibility {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, extending: false, next_look: Instant::now() }
    }

    pub(crate) fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        // Once in an interval: looking goes through all messages in flight, and a busy loop turns often.
        let due = now >= self.next_look;
        if due {
            self.next_look = now + interval;
        }
        due
    }

    /// None while others are on their way. The caller calls [`Self::ended`] after them.
    pub(crate) fn start<'a>(
        &mut self,
        in_flight: impl Iterator<Item = (Key, &'a mut InFlight)>,
    ) -> Vec<Extension> {
        if self.extending {
            return Vec::new();
        }
        let due: Vec<Extension> =
            in_flight.filter_map(|(key, message)| Extension::due(key, message, self.timeout)).collect();
        self.extending = !due.is_empty();
        due
    }

    pub(crate) const fn ended(&mut self) {
        self.extending = false;
    }
}

pub(crate) struct Extension {
    key: Key,
    receipt: Receipt,
    extension: Duration,
    from: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Extended {
    pub extended: Vec<(Key, Instant)>,
    /// Messages that are another consumer's: work on them must stop.
    pub lost: Vec<Key>,
}

impl Extension {
    fn due(key: Key, message: &mut InFlight, visibility_timeout: Duration) -> Option<Self> {
        let now = Instant::now();
        if now.duration_since(message.extended_at) < visibility_timeout / 3 {
            return None;
        }
        // Set before the answer is there: an extension that fails is tried again at the next third.
        message.extended_at = now;
        let left = VISIBILITY_LIMIT.saturating_sub(message.received_at.elapsed());
        let extension = visibility_timeout.min(left);
        let receipt = message.message.receipt.clone();
        (extension >= Duration::from_secs(1)).then_some(Self { key, receipt, extension, from: now })
    }
}

pub(crate) async fn extend_all<Q: Queue>(queue: &Q, extensions: Vec<Extension>) -> Extended {
    let mut extended = Extended::default();
    for batch in extensions.chunks(BATCH_LIMIT) {
        let entries: Vec<(Receipt, Duration)> =
            batch.iter().map(|entry| (entry.receipt.clone(), entry.extension)).collect();
        match queue.change_visibility(&entries).await {
            Ok(results) => {
                for (entry, result) in batch.iter().zip(results) {
                    match result {
                        // Counted from before the call, so that SQS's own end is never earlier.
                        Ok(()) => extended.extended.push((entry.key, entry.from + entry.extension)),
                        Err(EntryError::ReceiptLost) => extended.lost.push(entry.key),
                        Err(error) => metrics::queue_entry_failed("extend", &error),
                    }
                }
            }
            Err(error) => metrics::queue_call_failed(&error),
        }
    }
    extended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::tests::in_flight;

    /// As long as in [`in_flight`].
    const TIMEOUT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn an_extension_is_due_when_a_third_of_the_visibility_has_passed() {
        let (mut visibility, mut message) = (Visibility::new(TIMEOUT), in_flight("1"));
        let mut due =
            |visibility: &mut Visibility| visibility.start(std::iter::once((7, &mut message))).len();
        assert_eq!(due(&mut visibility), 0);
        tokio::time::advance(TIMEOUT / 3).await;
        assert_eq!(due(&mut visibility), 1);
        tokio::time::advance(TIMEOUT / 3).await;
        assert_eq!(due(&mut visibility), 0, "the first is on its way");
        visibility.ended();
        assert_eq!(due(&mut visibility), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_extension_goes_beyond_what_sqs_allows() {
        let mut message = in_flight("1");
        message.extended_at += VISIBILITY_LIMIT - Duration::from_secs(30);
        tokio::time::advance(VISIBILITY_LIMIT - Duration::from_secs(9)).await;
        message.extended_at -= TIMEOUT;
        assert_eq!(Extension::due(7, &mut message, TIMEOUT).unwrap().extension, Duration::from_secs(9));
        tokio::time::advance(VISIBILITY_LIMIT).await;
        assert!(Extension::due(7, &mut message, TIMEOUT).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_looked_through_once_in_an_interval() {
        let (mut visibility, interval) = (Visibility::new(TIMEOUT), Duration::from_millis(250));
        assert!(visibility.is_due(Instant::now(), interval) && !visibility.is_due(Instant::now(), interval));
        tokio::time::advance(interval).await;
        assert!(visibility.is_due(Instant::now(), interval));
    }
}
