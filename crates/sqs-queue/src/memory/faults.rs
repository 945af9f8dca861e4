//! Injected faults, each used once, and the count of calls. In: the faults that a test injects. Out: what fails next.

use std::collections::{BTreeMap, VecDeque};

use super::MemoryQueue;
use crate::{EntryError, Operation, QueueError};

/// How a whole call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// SQS throttles.
    Throttled,
    /// SQS answers 500.
    Broken,
    /// The queue is not there.
    QueueMissing,
    /// These credentials may not use it.
    AccessDenied,
}

impl CallFailure {
    fn error(self, operation: Operation) -> QueueError {
        let operation = operation.name();
        let unavailable = |code: &str| QueueError::Unavailable { operation, code: code.to_owned() };
        let refused = |code: &str| QueueError::Refused { operation, code: code.to_owned() };
        match self {
            Self::Throttled => unavailable("RequestThrottled"),
            Self::Broken => unavailable("InternalFailure"),
            Self::QueueMissing => refused("QueueDoesNotExist"),
            Self::AccessDenied => refused("AccessDenied"),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Doubling {
    SameBatch,
    NextReceive,
}

#[derive(Default)]
pub(super) struct Faults {
    pub(super) calls: BTreeMap<Operation, u64>,
    failing_calls: BTreeMap<Operation, VecDeque<CallFailure>>,
    failing_entries: BTreeMap<Operation, BTreeMap<usize, EntryError>>,
    lost_replies: BTreeMap<Operation, usize>,
    doublings: VecDeque<Doubling>,
    empty_answers: usize,
}

impl Faults {
    pub(super) fn begin(&mut self, operation: Operation) -> Result<(), QueueError> {
        *self.calls.entry(operation).or_default() += 1;
        let failure = self.failing_calls.get_mut(&operation).and_then(VecDeque::pop_front);
        failure.map_or(Ok(()), |failure| Err(failure.error(operation)))
    }

    pub(super) fn reply<T>(&mut self, operation: Operation, reply: T) -> Result<T, QueueError> {
        if !used_up(self.lost_replies.entry(operation).or_default()) {
            return Ok(reply);
        }
        // Everything was done: only the reply is lost.
        Err(QueueError::Unavailable { operation: operation.name(), code: "timeout".to_owned() })
    }

    pub(super) fn take_entry_failures(&mut self, operation: Operation) -> BTreeMap<usize, EntryError> {
        self.failing_entries.remove(&operation).unwrap_or_default()
    }

    pub(super) fn take_doubling(&mut self) -> Option<Doubling> {
        self.doublings.pop_front()
    }

    pub(super) fn take_empty_answer(&mut self) -> bool {
        used_up(&mut self.empty_answers)
    }
}

fn used_up(count: &mut usize) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

impl MemoryQueue {
    /// The next receive that finds messages takes and counts them, and its caller gets an error.
    pub fn lose_next_receive_reply(&self) {
        self.lose_next_reply(Operation::Receive);
    }

    /// The next such call does its work, and its caller gets an error.
    pub fn lose_next_reply(&self, operation: Operation) {
        *self.inner().faults.lost_replies.entry(operation).or_default() += 1;
    }

    /// The next received message comes again in the next receive, in flight or deleted by then, with another receipt.
    pub fn duplicate_next(&self) {
        self.inner().faults.doublings.push_back(Doubling::NextReceive);
    }

    /// The next message that is received comes twice in the same batch, if that has room; else in the next.
    pub fn duplicate_next_in_batch(&self) {
        self.inner().faults.doublings.push_back(Doubling::SameBatch);
    }

    /// In the next such call, the entries at these positions fail and do nothing.
    pub fn fail_next_entries(
        &self,
        operation: Operation,
        positions: impl IntoIterator<Item = usize>,
        error: &EntryError,
    ) {
        let mut inner = self.inner();
        let failing = inner.faults.failing_entries.entry(operation).or_default();
        failing.extend(positions.into_iter().map(|position| (position, error.clone())));
    }

    /// The next `count` such calls fail and do nothing.
    pub fn fail_next_calls(&self, operation: Operation, count: usize, failure: CallFailure) {
        let mut inner = self.inner();
        let failing = inner.faults.failing_calls.entry(operation).or_default();
        failing.extend(std::iter::repeat_n(failure, count));
    }

    /// The next `count` receives answer empty at once, whatever the queue holds.
    pub fn answer_empty_next(&self, count: usize) {
        self.inner().faults.empty_answers += count;
    }

    /// Lowers SQS's cap of messages in flight.
    pub fn limit_in_flight(&self, limit: usize) {
        self.inner().in_flight_limit = limit;
    }

    /// How often this operation was called, failed calls included. A batch of no entries makes no call.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.inner().faults.calls.get(&operation).copied().unwrap_or_default()
    }
}
