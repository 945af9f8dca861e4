//! Keeping held messages ours, and letting go of those that are not.

use std::sync::Arc;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::{Loop, TICK, Turn};
use crate::handler::Handler;
use crate::intake::Key;
use crate::ledger::Ledger;
use crate::metrics;
use crate::visibility::{Extended, Extension, beat};

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    /// Goes through everything in hand, so not at each turn: a busy loop takes thousands of them a second.
    pub(super) fn extend_if_due(&mut self) {
        let now = Instant::now();
        if now < self.next_extension {
            return;
        }
        self.next_extension = now + TICK;
        self.intake.expired(now).into_iter().for_each(|key| self.lose(key));
        if self.extending {
            return;
        }
        let visibility = self.parts.options.visibility_timeout;
        let due = |(key, held)| Extension::due(key, held, visibility);
        let extensions: Vec<Extension> = self.intake.in_flight_mut().filter_map(due).collect();
        if extensions.is_empty() {
            return;
        }
        self.extending = true;
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move { Turn::Extended(beat(&parts.queue, extensions).await) });
    }

    pub(super) fn take_extended(&mut self, Extended { extended, lost }: Extended) {
        self.extending = false;
        extended.into_iter().for_each(|(key, ours_until)| self.intake.extend(key, ours_until));
        lost.into_iter().for_each(|key| self.lose(key));
    }

    /// A message that is another consumer's now: nothing more is done for it.
    fn lose(&mut self, key: Key) {
        let Some((held, orphaned)) = self.intake.lose(key) else { return };
        metrics::receipt_lost(&held.message.message_id);
        for subject in orphaned {
            if let Some((_, handle)) = self.running.remove(&subject) {
                handle.abort();
            }
        }
    }
}
