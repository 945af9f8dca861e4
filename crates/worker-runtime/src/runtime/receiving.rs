//! Asking the queue for messages, while there is room, and until there are none.

use std::sync::Arc;
use std::time::Duration;

use event_contract::Envelope;
use sqs_queue::{BATCH_LIMIT, Depth, Queue, QueueError, ReceivedMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{Loop, TICK, Turn};
use crate::catch::panicked;
use crate::disposition::Verdict;
use crate::handler::{Handler, Refusal};
use crate::intake::InFlight;
use crate::ledger::Ledger;
use crate::metrics;
use crate::options::Mode;

const MAX_RECEIVES: usize = 4;

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Receives in a row that returned nothing, each followed by a count of zero, after which the queue is empty.
const EMPTY_ROUNDS: u32 = 2;

pub(super) struct Receiving {
    places: Arc<Semaphore>,
    outstanding: usize,
    last_full: bool,
    pause: Duration,
    not_before: Instant,
    last_empty: bool,
    /// The last receive brought nothing, and was not followed by a count.
    count_due: bool,
    counting: bool,
    empty_rounds: u32,
}

impl Receiving {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max_in_flight)),
            outstanding: 0,
            last_full: false,
            pause: Duration::ZERO,
            not_before: Instant::now(),
            last_empty: false,
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

    const fn wants_more(&self) -> bool {
        self.outstanding < if self.last_full { MAX_RECEIVES } else { 1 }
    }

    fn is_paused(&self) -> bool {
        self.counting || self.found_empty() || Instant::now() < self.not_before
    }

    fn places(&self, messages: usize) -> Option<OwnedSemaphorePermit> {
        // Room for a full answer, or none: a received message needs its place at once.
        let messages = u32::try_from(messages).ok().filter(|messages| *messages > 0)?;
        Arc::clone(&self.places).try_acquire_many_owned(messages).ok()
    }

    /// Whether the queue has to be counted now. The caller counts it, and passes the count to [`Self::counted`].
    const fn start_count(&mut self) -> bool {
        let due = self.count_due;
        self.count_due = false;
        self.counting |= due;
        due
    }

    fn failed(&mut self) {
        self.last_full = false;
        self.pause = (self.pause * 2).clamp(TICK, LONGEST_PAUSE);
        self.not_before = Instant::now() + self.pause;
    }

    fn answered(&mut self, messages: usize) {
        self.pause = Duration::ZERO;
        self.last_full = messages == BATCH_LIMIT;
        self.last_empty = messages == 0;
        self.count_due = messages == 0;
        if messages > 0 {
            self.empty_rounds = 0;
        }
    }

    pub(super) fn counted(&mut self, depth: &Result<Depth, QueueError>) {
        self.counting = false;
        // One count is not enough: it is approximate. The long poll between two counts asks all of SQS's servers.
        self.empty_rounds = match depth {
            Ok(depth) if depth.is_empty() => self.empty_rounds + 1,
            _ => 0,
        };
    }
}

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn start_receives(&mut self) {
        while self.receiving.wants_more() {
            let max = self.receive_size();
            let Some(places) = self.receiving.places(max) else { break };
            self.receiving.outstanding += 1;
            let parts = Arc::clone(&self.parts);
            self.tasks.spawn(async move {
                let received = parts.queue.receive(max, parts.options.receive_wait).await;
                Turn::Received(places, received)
            });
        }
        if self.receiving.outstanding == 0 {
            // Receiving is paused on purpose: no answer is overdue.
            self.parts.liveness.receive_answered();
        }
    }

    fn receive_size(&self) -> usize {
        if self.drain_until.is_some() || self.receiving.is_paused() {
            return 0;
        }
        let limit = self.gate.receive_limit(self.intake.len());
        BATCH_LIMIT.min(limit).min(self.parts.options.max_in_flight)
    }

    pub(super) fn start_count(&mut self) {
        let ends = self.mode == Mode::UntilEmpty && self.drain_until.is_none();
        if ends && self.is_idle() && self.receiving.start_count() {
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
        let no_others = self.receiving.last_empty;
        self.receiving.answered(messages.len());
        let visibility = self.parts.options.visibility_timeout;
        // The places that no message took are free when `places` is dropped.
        for message in messages {
            metrics::received(message.sent_at);
            self.admit(InFlight::new(message, visibility, places.split(1)), no_others);
        }
    }

    /// `no_others`: the receive before brought nothing, so there is no record to try that has not failed before.
    fn admit(&mut self, message: InFlight, no_others: bool) {
        // `read` runs in the loop's own task: an uncaught panic would end the loop.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let envelope = Envelope::parse(&message.message.body).map_err(Refusal::unreadable)?;
            self.parts.handler.read(&envelope)
        }));
        match read {
            Ok(Ok(reading)) if reading.demands.is_empty() => self.settling.push(message, Verdict::Ignored),
            Ok(Ok(reading)) => {
                let subjects = reading.demands.iter().map(|demand| &demand.subject);
                if !no_others && let Some(retry_after) = self.gate.aside(subjects) {
                    self.settling.push(message, Verdict::Aside { retry_after });
                    return;
                }
                if self.intake.admit(message, reading) {
                    metrics::coalesced();
                }
            }
            Ok(Err(refusal)) => self.settling.push(message, Verdict::Refused(refusal)),
            Err(_panic) => self.settling.push(message, Verdict::Failed(panicked("read"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(in_flight: u64) -> Result<Depth, QueueError> {
        Ok(Depth { visible: 0, in_flight, delayed: 0 })
    }

    #[tokio::test(start_paused = true)]
    async fn more_receives_run_at_once_while_each_brings_a_full_batch() {
        let mut receiving = Receiving::new(100);
        receiving.outstanding = 1;
        assert!(!receiving.wants_more());
        receiving.answered(BATCH_LIMIT);
        assert!(receiving.wants_more());
        receiving.answered(BATCH_LIMIT - 1);
        assert!(!receiving.wants_more());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_asked_for_when_there_is_room_for_all_of_them() {
        let receiving = Receiving::new(12);
        assert!(receiving.places(0).is_none());
        let _places = receiving.places(10).unwrap();
        assert!(receiving.places(3).is_none() && receiving.places(2).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failed_receives_pause_longer_each_time_up_to_a_limit() {
        let mut receiving = Receiving::new(100);
        for expected in [TICK, TICK * 2, TICK * 4] {
            receiving.failed();
            assert_eq!(receiving.pause, expected);
            assert!(receiving.is_paused());
            tokio::time::advance(expected).await;
            assert!(!receiving.is_paused());
        }
        (0..20).for_each(|_| receiving.failed());
        assert_eq!(receiving.pause, LONGEST_PAUSE);
        receiving.answered(0);
        assert_eq!(receiving.pause, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_empty_after_two_counts_with_an_empty_receive_before_each() {
        let mut receiving = Receiving::new(100);
        assert!(!receiving.start_count(), "no receive was empty");
        for count in [depth(0), depth(1), depth(0)] {
            receiving.answered(0);
            assert!(receiving.start_count() && receiving.is_paused());
            receiving.counted(&count);
            assert!(!receiving.found_empty());
        }
        receiving.answered(0);
        assert!(receiving.start_count() && !receiving.start_count());
        receiving.counted(&depth(0));
        assert!(receiving.found_empty());
    }
}
