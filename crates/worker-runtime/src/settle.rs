//! Settles messages: deletes, hides or dead-letters them, in batches, and reads each entry's result.

mod batches;
mod entry;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use sqs_queue::{OutgoingMessage, Queue, Receipt, VISIBILITY_LIMIT};

use crate::attribution::Evidence;
use crate::disposition::{DeadLetterReason, Disposition, Verdict, dispose};
use crate::handler::{Failure, Handler};
use crate::intake::InFlight;
use crate::ledger::{FailedAttempt, Ledger, RecordedFailure, RedriveEnd};
use crate::metrics;
use crate::options::Options;
use batches::in_batches;
pub use entry::REDRIVE_MARK;
use entry::{DeadLetterEntry, plain_text};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    pub outcomes: BTreeMap<&'static str, u64>,
    pub dead_lettered: u64,
    pub ledger_down: bool,
    pub lane: Lane,
}

/// Lanes are settled side by side: messages that succeeded do not wait until failures are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    #[default]
    Uncounted,
    Counted,
}

impl Lane {
    pub(crate) const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Failed(Failure::Limited { .. })
            | Verdict::Done(_)
            | Verdict::Ignored
            | Verdict::Outage { .. }
            | Verdict::Aside { .. }
            | Verdict::Released => Self::Uncounted,
            Verdict::Failed(_) | Verdict::Refused(_) => Self::Counted,
        }
    }
}

pub(crate) async fn settle<H: Handler, Q: Queue, L: Ledger>(
    queue: &Q,
    dead_letters: &Q,
    ledger: &L,
    options: &Options,
    witnesses: (Option<Instant>, bool),
    lane: Lane,
    ended: Vec<(InFlight, Verdict)>,
) -> Settled {
    let mut settled = Settled { lane, ..Settled::default() };
    for (_, verdict) in &ended {
        *settled.outcomes.entry(metrics::outcome_label(verdict)).or_default() += 1;
    }
    let answered = match lane {
        Lane::Uncounted => settle_uncounted(queue, ledger, options, ended).await,
        Lane::Counted => {
            let (dead_lettered, answered) =
                settle_counted::<H, Q, L>(queue, dead_letters, ledger, options, witnesses, ended).await;
            settled.dead_lettered = dead_lettered;
            answered
        }
    };
    settled.ledger_down = !answered;
    settled
}

/// Returns whether the ledger answered.
async fn settle_uncounted<Q: Queue, L: Ledger>(
    queue: &Q,
    ledger: &L,
    options: &Options,
    ended: Vec<(InFlight, Verdict)>,
) -> bool {
    let (mut delete, mut hide, mut recovered) = (Vec::new(), Vec::new(), Vec::new());
    for (message, verdict) in ended {
        metrics::settled(&message.message.message_id, &verdict, None);
        match dispose(&verdict, &Evidence::default(), &options.retry, rand::random()) {
            Disposition::VisibleAfter(wait) => hide.push((message, wait)),
            Disposition::Delete | Disposition::DeadLetter(_) => {
                // Only a message that was received before can have failed before.
                if message.message.receive_count > 1 {
                    recovered.push(message.message.message_id.clone());
                }
                delete.push(message);
            }
        }
    }
    delete_all(queue, &delete).await;
    note_redriven(ledger, &delete, RedriveEnd::Handled).await;
    hide_all(queue, &hide).await;
    if recovered.is_empty() {
        return true;
    }
    let forgotten = ledger.forget(&recovered).await;
    forgotten.inspect_err(metrics::ledger_down).is_ok()
}

fn failed_attempt(message: &InFlight, verdict: &Verdict, witness_ago: Option<Duration>) -> FailedAttempt {
    let (class, detail) = match verdict {
        Verdict::Failed(failure) => (failure.class(), failure.detail()),
        Verdict::Refused(refusal) => (refusal.class, refusal.detail.clone()),
        other => (metrics::outcome_label(other), String::new()),
    };
    let message_id = message.message.message_id.clone();
    FailedAttempt { message_id, class, detail: plain_text(&detail), witness_ago }
}

/// Returns how many messages were dead-lettered, and whether the ledger answered.
async fn settle_counted<H: Handler, Q: Queue, L: Ledger>(
    queue: &Q,
    dead_letters: &Q,
    ledger: &L,
    options: &Options,
    (witnessed_at, others_fail): (Option<Instant>, bool),
    ended: Vec<(InFlight, Verdict)>,
) -> (u64, bool) {
    let witness_ago = witnessed_at.map(|at| at.elapsed());
    let attempts: Vec<FailedAttempt> =
        ended.iter().map(|(message, verdict)| failed_attempt(message, verdict, witness_ago)).collect();
    // Failures are counted before they decide.
    let recorded = ledger.record(&attempts).await.inspect_err(metrics::ledger_down);
    let (mut dead, mut hide) = (Vec::new(), Vec::new());
    for (position, (message, verdict)) in ended.into_iter().enumerate() {
        let recorded = recorded.as_ref().ok().and_then(|recorded| recorded.get(position).copied());
        metrics::settled(&message.message.message_id, &verdict, recorded.map(|recorded| recorded.attempts));
        let evidence = Evidence { failures: recorded, others_fail };
        match dispose(&verdict, &evidence, &options.retry, rand::random()) {
            Disposition::DeadLetter(reason) => dead.push((message, reason, recorded)),
            Disposition::VisibleAfter(wait) => hide.push((message, wait)),
            Disposition::Delete => hide.push((message, Duration::ZERO)),
        }
    }
    // Sent before it is deleted: a call that fails leaves the message in the queue, and its work can be repeated.
    let (dead_lettered, unsent) = dead_letter_all::<H, Q>(dead_letters, options, dead).await;
    hide.extend(unsent);
    delete_all(queue, &dead_lettered).await;
    note_redriven(ledger, &dead_lettered, RedriveEnd::Dead).await;
    hide_all(queue, &hide).await;
    (dead_lettered.len() as u64, recorded.is_ok())
}

/// Returns those that arrived, which may be deleted, and the others, each with the wait until it is tried again.
async fn dead_letter_all<H: Handler, Q: Queue>(
    dead_letters: &Q,
    options: &Options,
    dead: Vec<(InFlight, DeadLetterReason, Option<RecordedFailure>)>,
) -> (Vec<InFlight>, Vec<(InFlight, Duration)>) {
    let write = |(message, reason, recorded): &(InFlight, DeadLetterReason, Option<RecordedFailure>)| {
        let entry = DeadLetterEntry { message: &message.message, reason, recorded: *recorded };
        entry.write(H::NAME, &options.worker_version)
    };
    let outgoing: Vec<OutgoingMessage> = dead.iter().map(write).collect();
    let sent = in_batches(dead_letters, &outgoing).await;
    let (mut dead_lettered, mut unsent) = (Vec::new(), Vec::new());
    for ((message, reason, recorded), sent) in dead.into_iter().zip(sent) {
        let attempts = recorded.map_or(1, |recorded| recorded.attempts);
        if sent {
            metrics::dead_lettered(&message.message.message_id, &reason, attempts);
            dead_lettered.push(message);
        } else {
            unsent.push((message, options.retry.wait(attempts, rand::random())));
        }
    }
    (dead_lettered, unsent)
}

async fn note_redriven<L: Ledger>(ledger: &L, message: &[InFlight], end: RedriveEnd) {
    let marks = message.iter().filter_map(|message| message.message.attributes.get(REDRIVE_MARK));
    let ends: Vec<(String, RedriveEnd)> = marks.map(|mark| (mark.clone(), end)).collect();
    if !ends.is_empty() {
        let noted = ledger.note_redriven(&ends).await;
        noted.inspect_err(metrics::ledger_down).ok();
    }
}

async fn delete_all<Q: Queue>(queue: &Q, message: &[InFlight]) {
    let receipts: Vec<Receipt> = message.iter().map(|message| message.message.receipt.clone()).collect();
    in_batches(queue, &receipts).await;
}

async fn hide_all<Q: Queue>(queue: &Q, message: &[(InFlight, Duration)]) {
    let entry = |(message, wait): &(InFlight, Duration)| {
        // SQS's limit counts from the receive.
        let longest = VISIBILITY_LIMIT.saturating_sub(message.received_at.elapsed());
        (message.message.receipt.clone(), (*wait).min(longest))
    };
    let entries: Vec<(Receipt, Duration)> = message.iter().map(entry).collect();
    in_batches(queue, &entries).await;
}
