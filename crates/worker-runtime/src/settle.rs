//! Carries out what becomes of messages: in batches, with each entry's result read.
//!
//! The order is what makes it safe: a dead letter is sent before the message is deleted, and failures are counted before
//! they decide. Whatever fails here leaves the message in the queue, and the work on it is repeat-safe.

mod batches;
mod entry;

use std::collections::BTreeMap;
use std::time::Duration;

use sqs_queue::{OutgoingMessage, Queue, Receipt, VISIBILITY_LIMIT};

use crate::disposition::{DeadLetterReason, Disposition, Verdict, dispose};
use crate::handler::{Failure, Handler};
use crate::intake::InFlight;
use crate::ledger::{FailedAttempt, Ledger, RecordedFailure, RedriveEnd};
use crate::metrics;
use crate::options::Options;
use batches::in_batches;
pub use entry::REDRIVE_MARK;
use entry::{DeadLetterEntry, plain_text};

/// What settling some messages did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many ended with each outcome label.
    pub outcomes: BTreeMap<&'static str, u64>,
    pub dead_lettered: u64,
    /// The ledger could not be asked.
    pub ledger_down: bool,
    pub lane: Lane,
}

/// What can be settled side by side: messages that succeeded do not wait until failures are counted.
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
            | Verdict::Released => Self::Uncounted,
            Verdict::Failed(_) | Verdict::Refused(_) => Self::Counted,
        }
    }
}

/// Settles messages of one lane. Their places are free when it returns.
pub(crate) async fn settle<H: Handler, Q: Queue, L: Ledger>(
    queue: &Q,
    dead_letters: &Q,
    ledger: &L,
    options: &Options,
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
                settle_counted::<H, Q, L>(queue, dead_letters, ledger, options, ended).await;
            settled.dead_lettered = dead_lettered;
            answered
        }
    };
    settled.ledger_down = !answered;
    settled
}

/// Answers whether the ledger did.
async fn settle_uncounted<Q: Queue, L: Ledger>(
    queue: &Q,
    ledger: &L,
    options: &Options,
    ended: Vec<(InFlight, Verdict)>,
) -> bool {
    let (mut delete, mut hide, mut recovered) = (Vec::new(), Vec::new(), Vec::new());
    for (held, verdict) in ended {
        metrics::settled(&held.message.message_id, &verdict, None);
        match dispose(&verdict, None, &options.retry, rand::random()) {
            Disposition::VisibleAfter(wait) => hide.push((held, wait)),
            Disposition::Delete | Disposition::DeadLetter(_) => {
                if held.message.receive_count > 1 {
                    recovered.push(held.message.message_id.clone());
                }
                delete.push(held);
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

/// The failed attempt that a counted verdict is.
fn failed_attempt(held: &InFlight, verdict: &Verdict) -> FailedAttempt {
    let (class, detail) = match verdict {
        Verdict::Failed(failure) => (failure.class(), failure.detail()),
        Verdict::Refused(refusal) => (refusal.class, refusal.detail.clone()),
        other => (metrics::outcome_label(other), String::new()),
    };
    FailedAttempt { message_id: held.message.message_id.clone(), class, detail: plain_text(&detail) }
}

/// Answers how many died, and whether the ledger answered.
async fn settle_counted<H: Handler, Q: Queue, L: Ledger>(
    queue: &Q,
    dead_letters: &Q,
    ledger: &L,
    options: &Options,
    ended: Vec<(InFlight, Verdict)>,
) -> (u64, bool) {
    let attempts: Vec<FailedAttempt> =
        ended.iter().map(|(held, verdict)| failed_attempt(held, verdict)).collect();
    let recorded = ledger.record(&attempts).await.inspect_err(metrics::ledger_down);
    let (mut bury, mut hide) = (Vec::new(), Vec::new());
    for (position, (held, verdict)) in ended.into_iter().enumerate() {
        let recorded = recorded.as_ref().ok().and_then(|recorded| recorded.get(position).copied());
        let attempts = recorded.map(|recorded| recorded.attempts);
        metrics::settled(&held.message.message_id, &verdict, attempts);
        match dispose(&verdict, attempts, &options.retry, rand::random()) {
            Disposition::DeadLetter(reason) => bury.push((held, reason, recorded)),
            Disposition::VisibleAfter(wait) => hide.push((held, wait)),
            Disposition::Delete => hide.push((held, Duration::ZERO)),
        }
    }
    let (buried, unburied) = dead_letter_all::<H, Q>(dead_letters, options, bury).await;
    hide.extend(unburied);
    delete_all(queue, &buried).await;
    note_redriven(ledger, &buried, RedriveEnd::Dead).await;
    hide_all(queue, &hide).await;
    (buried.len() as u64, recorded.is_ok())
}

/// Sends dead letters. Those that arrived, and only these, may be deleted; the others come back after a wait.
async fn dead_letter_all<H: Handler, Q: Queue>(
    dead_letters: &Q,
    options: &Options,
    bury: Vec<(InFlight, DeadLetterReason, Option<RecordedFailure>)>,
) -> (Vec<InFlight>, Vec<(InFlight, Duration)>) {
    let write = |(held, reason, recorded): &(InFlight, DeadLetterReason, Option<RecordedFailure>)| {
        let letter = DeadLetterEntry { message: &held.message, reason, recorded: *recorded };
        letter.write(H::NAME, &options.worker_version)
    };
    let letters: Vec<OutgoingMessage> = bury.iter().map(write).collect();
    let sent = in_batches(dead_letters, &letters).await;
    let (mut buried, mut unburied) = (Vec::new(), Vec::new());
    for ((held, reason, recorded), sent) in bury.into_iter().zip(sent) {
        let attempts = recorded.map_or(1, |recorded| recorded.attempts);
        if sent {
            metrics::dead_lettered(&held.message.message_id, &reason, attempts);
            buried.push(held);
        } else {
            unburied.push((held, options.retry.wait(attempts, rand::random())));
        }
    }
    (buried, unburied)
}

/// Tells whoever redrove some of these messages how they ended.
async fn note_redriven<L: Ledger>(ledger: &L, held: &[InFlight], end: RedriveEnd) {
    let marks = held.iter().filter_map(|held| held.message.attributes.get(REDRIVE_MARK));
    let ends: Vec<(String, RedriveEnd)> = marks.map(|mark| (mark.clone(), end)).collect();
    if !ends.is_empty() {
        let noted = ledger.note_redriven(&ends).await;
        noted.inspect_err(metrics::ledger_down).ok();
    }
}

async fn delete_all<Q: Queue>(queue: &Q, held: &[InFlight]) {
    let receipts: Vec<Receipt> = held.iter().map(|held| held.message.receipt.clone()).collect();
    in_batches(queue, &receipts).await;
}

/// Makes messages visible again, each after its wait, or as late as SQS allows.
async fn hide_all<Q: Queue>(queue: &Q, held: &[(InFlight, Duration)]) {
    let entry = |(held, wait): &(InFlight, Duration)| {
        let longest = VISIBILITY_LIMIT.saturating_sub(held.received_at.elapsed());
        (held.message.receipt.clone(), (*wait).min(longest))
    };
    let entries: Vec<(Receipt, Duration)> = held.iter().map(entry).collect();
    in_batches(queue, &entries).await;
}
