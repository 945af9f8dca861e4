//! Asking the queue for messages, while there is room, and until there are none.

use std::sync::Arc;
use std::time::Duration;

use event_contract::Envelope;
use sqs_queue::{BATCH_LIMIT, Depth, Queue, QueueError, ReceivedMessage};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Loop, TICK, Turn};
use crate::catch::panicked;
use crate::disposition::Verdict;
use crate::handler::{Handler, Refusal};
use crate::intake::InFlight;
use crate::ledger::Ledger;
use crate::metrics;
use crate::options::Mode;

/// Receives at once while every one of them comes back full.
const MAX_RECEIVES: usize = 4;

/// Longest wait after failed receives.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A queue is empty when so many times in a row a receive brought nothing and the count after it said nothing is left
/// or in flight: each count is approximate, and the long poll between them asks all of SQS's servers.
const EMPTY_ROUNDS: u32 = 2;

/// What is known of receiving.
pub(super) struct Receiving {
    outstanding: usize,
    last_full: bool,
    pause: Duration,
    not_before: Instant,
    /// The last receive brought nothing, and was not followed by a count.
    count_due: bool,
    counting: bool,
    empty_rounds: u32,
}

impl Receiving {
    pub(super) fn new() -> Self {
        Self {
            outstanding: 0,
            last_full: false,
            pause: Duration::ZERO,
            not_before: Instant::now(),
            count_due: false,
            counting: false,
            empty_rounds: 0,
        }
    }

    pub(super) const fn outstanding(&self) -> usize {
        self.outstanding
    }

    pub(super) const fn found_empty(&self) -> bool {
        self.empty_rounds >= EMPTY_ROUNDS
    }

    fn failed(&mut self) {
        self.last_full = false;
        self.pause = (self.pause * 2).clamp(TICK, LONGEST_PAUSE);
        self.not_before = Instant::now() + self.pause;
    }

    fn answered(&mut self, messages: usize) {
        self.pause = Duration::ZERO;
        self.last_full = messages == BATCH_LIMIT;
        self.count_due = messages == 0;
        if messages > 0 {
            self.empty_rounds = 0;
        }
    }

    pub(super) fn counted(&mut self, depth: &Result<Depth, QueueError>) {
        self.counting = false;
        self.empty_rounds = match depth {
            Ok(depth) if depth.is_empty() => self.empty_rounds + 1,
            _ => 0,
        };
    }
}

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn start_receives(&mut self) {
        let wanted = if self.receiving.last_full { MAX_RECEIVES } else { 1 };
        while self.receiving.outstanding < wanted {
            let max = self.receive_size();
            #[expect(clippy::cast_possible_truncation, reason = "at most ten")]
            let places = Arc::clone(&self.places).try_acquire_many_owned(max as u32);
            let Some(places) = places.ok().filter(|_| max > 0) else { break };
            self.receiving.outstanding += 1;
            let parts = Arc::clone(&self.parts);
            self.tasks.spawn(async move {
                let received = parts.queue.receive(max, parts.options.receive_wait).await;
                Turn::Received(places, received)
            });
        }
        if self.receiving.outstanding == 0 {
            // Paused on purpose, so that no answer is missing.
            self.parts.liveness.receive_answered();
        }
    }

    /// How many messages to ask for now. They are asked for when there is room for all of them.
    fn receive_size(&self) -> usize {
        let paused = self.drain_until.is_some()
            || self.ledger_down
            || self.receiving.counting
            || self.receiving.found_empty()
            || Instant::now() < self.receiving.not_before;
        if paused {
            return 0;
        }
        let limit = self.breaker.refetch_limit();
        // Whoever recovers takes no more than is tried: the rest stays in the queue and spends no receive.
        let untried =
            if self.breaker.is_recovering() { limit.saturating_sub(self.intake.len()) } else { limit };
        BATCH_LIMIT.min(untried).min(self.parts.options.max_in_flight)
    }

    pub(super) fn start_count(&mut self) {
        let ends = self.mode == Mode::UntilEmpty && self.drain_until.is_none();
        if ends && self.receiving.count_due && self.is_idle() {
            self.receiving.count_due = false;
            self.receiving.counting = true;
            let parts = Arc::clone(&self.parts);
            self.tasks.spawn(async move { Turn::Counted(parts.queue.depth().await) });
        }
    }

    pub(super) fn take_received(
        &mut self,
        mut places: OwnedSemaphorePermit,
        received: Result<Vec<ReceivedMessage>, QueueError>,
    ) {
        self.receiving.outstanding -= 1;
        self.parts.liveness.receive_answered();
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                metrics::queue_call_failed(&error);
                self.receiving.failed();
                return;
            }
        };
        self.receiving.answered(messages.len());
        let visibility = self.parts.options.visibility_timeout;
        for message in messages {
            metrics::received(message.sent_at);
            self.admit(InFlight::new(message, visibility, places.split(1)));
        }
    }

    fn admit(&mut self, held: InFlight) {
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let envelope = Envelope::parse(&held.message.body).map_err(Refusal::unreadable)?;
            self.parts.handler.read(&envelope)
        }));
        match read {
            Ok(Ok(reading)) if reading.demands.is_empty() => self.ended.push((held, Verdict::Ignored)),
            Ok(Ok(reading)) => {
                for _ in 0..self.intake.admit(held, reading) {
                    metrics::folded();
                }
            }
            Ok(Err(refusal)) => self.ended.push((held, Verdict::Refused(refusal))),
            Err(_panic) => self.ended.push((held, Verdict::Failed(panicked("read")))),
        }
    }
}
