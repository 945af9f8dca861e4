//! Keeps the messages in flight ours, and drops those that are not ours any more.

use std::sync::Arc;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::{Loop, TICK, Turn};
use crate::handler::Handler;
use crate::intake::Key;
use crate::ledger::Ledger;
use crate::metrics;
use crate::visibility::{Extended, extend_all};

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn extend_if_due(&mut self) {
        let now = Instant::now();
        if !self.visibility.is_due(now, TICK) {
            return;
        }
        // SQS accepts an extension of a message whose visibility has ended, and does nothing. So our own clock decides.
        self.intake.expired(now).into_iter().for_each(|key| self.lose(key));
        let extensions = self.visibility.start(self.intake.in_flight_mut());
        if extensions.is_empty() {
            return;
        }
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move { Turn::Extended(extend_all(&parts.queue, extensions).await) });
    }

    pub(super) fn take_extended(&mut self, Extended { extended, lost }: Extended) {
        self.visibility.ended();
        extended.into_iter().for_each(|(key, ours_until)| self.intake.extend(key, ours_until));
        lost.into_iter().for_each(|key| self.lose(key));
    }

    fn lose(&mut self, key: Key) {
        let Some((message, orphaned)) = self.intake.lose(key) else { return };
        metrics::receipt_lost(&message.message.message_id);
        // No other message needs these runs.
        orphaned.iter().for_each(|subject| self.refetches.abort(subject));
    }
}
