//! The messages in flight, and which of them wait for which refetch. Bookkeeping only: no queue and no task.
//!
//! Invariant: a refetch starts after the last message that it answers for was received. So a message coalesces into a refetch
//! that waits, and never into one that runs.

mod removal;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::disposition::Verdict;
use crate::handler::{Cause, Demand, Failure, Outcome, Reading, Refetch};
use removal::Said;

pub(crate) type Key = u64;

/// A received message until it is settled. Dropping it frees its place.
pub(crate) struct InFlight {
    pub message: ReceivedMessage,
    pub received_at: Instant,
    pub extended_at: Instant,
    pub ours_until: Instant,
    _place: Option<OwnedSemaphorePermit>,
    open_subjects: usize,
    verdict: Option<Verdict>,
}

impl InFlight {
    pub(crate) fn new(
        message: ReceivedMessage,
        visibility: Duration,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let now = Instant::now();
        Self {
            message,
            received_at: now,
            extended_at: now,
            ours_until: now + visibility,
            _place: place,
            open_subjects: 0,
            verdict: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run<S> {
    /// Distinguishes this run from an earlier one of the same subject that was aborted.
    pub id: u64,
    pub started_at: Instant,
    /// Its refetch went the way of the work.
    pub went_through: bool,
    pub refetch: Refetch<S>,
}

struct Waiting<S> {
    refetch: Refetch<S>,
    said: Said,
    keys: Vec<Key>,
}

struct Work<S> {
    running: Option<(u64, Vec<Key>)>,
    waiting: Option<Waiting<S>>,
}

/// A subject has at most one run. A message ends with the last of its subjects.
pub(crate) struct Intake<S> {
    next_id: u64,
    messages: HashMap<Key, InFlight>,
    work: HashMap<S, Work<S>>,
    /// Subjects with waiting messages and nothing running, in order of arrival.
    ready: VecDeque<S>,
}

impl<S: Clone + Eq + Hash> Intake<S> {
    pub(crate) fn new() -> Self {
        Self { next_id: 0, messages: HashMap::new(), work: HashMap::new(), ready: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns whether a refetch that another message waits for already answers this one, too.
    pub(crate) fn admit(&mut self, mut message: InFlight, reading: Reading<S>) -> bool {
        let key = self.new_id();
        let sent_at = message.message.sent_at;
        let mut coalesced = false;
        for demand in reading.demands {
            let work =
                self.work.entry(demand.subject.clone()).or_insert(Work { running: None, waiting: None });
            match &mut work.waiting {
                // An event may name one subject twice: the message waits for it once.
                Some(waiting) if waiting.keys.last() == Some(&key) => {
                    waiting.coalesce(&demand, reading.cause, sent_at);
                }
                Some(waiting) => {
                    waiting.coalesce(&demand, reading.cause, sent_at);
                    waiting.keys.push(key);
                    message.open_subjects += 1;
                    coalesced = true;
                }
                None => {
                    if work.running.is_none() {
                        self.ready.push_back(demand.subject.clone());
                    }
                    let said = Said::by(&demand);
                    let refetch = Refetch {
                        subject: demand.subject,
                        not_before: demand.not_before,
                        removed: said.removed(),
                        cause: reading.cause,
                        sent_at,
                    };
                    work.waiting = Some(Waiting { refetch, said, keys: vec![key] });
                    message.open_subjects += 1;
                }
            }
        }
        self.messages.insert(key, message);
        coalesced
    }

    pub(crate) fn start(&mut self, limit: usize) -> Vec<Run<S>> {
        let mut runs = Vec::new();
        while runs.len() < limit {
            let Some(subject) = self.ready.pop_front() else { break };
            let id = self.new_id();
            let Some(work) = self.work.get_mut(&subject) else { continue };
            let Some(waiting) = work.waiting.take() else { continue };
            work.running = Some((id, waiting.keys));
            runs.push(Run { id, started_at: Instant::now(), went_through: false, refetch: waiting.refetch });
        }
        runs
    }

    /// Whether any message still waits for this run.
    pub(crate) fn is_running(&self, run: &Run<S>) -> bool {
        let running = self.work.get(&run.refetch.subject).and_then(|work| work.running.as_ref());
        running.is_some_and(|(id, _)| *id == run.id)
    }

    /// Returns the messages whose last subject it was, each with the verdict over all its subjects.
    pub(crate) fn finish(&mut self, subject: &S, run_id: u64, verdict: &Verdict) -> Vec<(InFlight, Verdict)> {
        let Some(work) = self.work.get_mut(subject) else { return Vec::new() };
        // The run was aborted: its result counts for nothing.
        if work.running.as_ref().is_none_or(|(id, _)| *id != run_id) {
            return Vec::new();
        }
        let keys = work.running.take().map(|(_, keys)| keys).unwrap_or_default();
        self.after_run(subject);
        keys.into_iter().filter_map(|key| self.close_subject(key, verdict)).collect()
    }

    /// Ends everything that waits and has not started, with the same verdict.
    pub(crate) fn end_waiting(&mut self, verdict: &Verdict) -> Vec<(InFlight, Verdict)> {
        self.ready.clear();
        let mut keys = Vec::new();
        self.work.retain(|_, work| {
            keys.extend(work.waiting.take().map(|waiting| waiting.keys).unwrap_or_default());
            work.running.is_some()
        });
        keys.into_iter().filter_map(|key| self.close_subject(key, verdict)).collect()
    }

    pub(crate) fn end_all(&mut self, verdict: &Verdict) -> Vec<(InFlight, Verdict)> {
        self.ready.clear();
        self.work.clear();
        self.messages.drain().map(|(_, message)| (message, verdict.clone())).collect()
    }

    /// Removes a message that is another consumer's now. Returns it, and the subjects whose run has no message left.
    pub(crate) fn lose(&mut self, key: Key) -> Option<(InFlight, Vec<S>)> {
        let message = self.messages.remove(&key)?;
        let mut orphaned = Vec::new();
        for (subject, work) in &mut self.work {
            if let Some(waiting) = &mut work.waiting {
                waiting.keys.retain(|other| *other != key);
                if waiting.keys.is_empty() {
                    work.waiting = None;
                }
            }
            if let Some((_, keys)) = &mut work.running {
                keys.retain(|other| *other != key);
                if keys.is_empty() {
                    work.running = None;
                    orphaned.push(subject.clone());
                }
            }
        }
        for subject in &orphaned {
            self.after_run(subject);
        }
        let work = &mut self.work;
        // A subject may have been ready for the lost message alone.
        self.ready.retain(|subject| work.get(subject).is_some_and(|work| work.waiting.is_some()));
        work.retain(|_, work| work.running.is_some() || work.waiting.is_some());
        Some((message, orphaned))
    }

    pub(crate) fn in_flight_mut(&mut self) -> impl Iterator<Item = (Key, &mut InFlight)> {
        self.messages.iter_mut().map(|(key, message)| (*key, message))
    }

    pub(crate) fn extend(&mut self, key: Key, ours_until: Instant) {
        if let Some(message) = self.messages.get_mut(&key) {
            message.ours_until = ours_until;
        }
    }

    pub(crate) fn expired(&self, now: Instant) -> Vec<Key> {
        self.messages.iter().filter(|(_, message)| message.ours_until <= now).map(|(key, _)| *key).collect()
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn after_run(&mut self, subject: &S) {
        match self.work.get(subject) {
            Some(work) if work.waiting.is_some() => self.ready.push_back(subject.clone()),
            Some(_) => {
                self.work.remove(subject);
            }
            None => {}
        }
    }

    fn close_subject(&mut self, key: Key, verdict: &Verdict) -> Option<(InFlight, Verdict)> {
        let message = self.messages.get_mut(&key)?;
        let worse = match message.verdict.take() {
            Some(earlier) if severity(&earlier) >= severity(verdict) => earlier,
            _ => verdict.clone(),
        };
        message.open_subjects = message.open_subjects.saturating_sub(1);
        if message.open_subjects > 0 {
            message.verdict = Some(worse);
            return None;
        }
        self.messages.remove(&key).map(|message| (message, worse))
    }
}

impl<S> Waiting<S> {
    fn coalesce(&mut self, demand: &Demand<S>, cause: Cause, sent_at: OffsetDateTime) {
        self.said.add(demand);
        self.refetch.removed = self.said.removed();
        self.refetch.not_before = self.refetch.not_before.max(demand.not_before);
        self.refetch.cause = cause;
        self.refetch.sent_at = self.refetch.sent_at.max(sent_at);
    }
}

fn severity(verdict: &Verdict) -> u8 {
    // Work that can still be done outweighs work that can never be done: to dead-letter the message would lose the former.
    match verdict {
        Verdict::Ignored => 0,
        Verdict::Done(Outcome::Unchanged) => 1,
        Verdict::Done(Outcome::Gone | Outcome::Missing) => 2,
        Verdict::Done(Outcome::Applied) => 3,
        Verdict::Refused(_) | Verdict::Failed(Failure::Rejected { .. }) => 4,
        Verdict::Done(Outcome::Snooze(_)) => 5,
        Verdict::Released => 6,
        Verdict::Failed(_) => 7,
        Verdict::Aside { .. } | Verdict::Outage { .. } => 8,
    }
}

#[cfg(test)]
pub(crate) mod tests;
