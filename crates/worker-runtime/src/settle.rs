//! Carries out what becomes of messages: in batches, with each entry's result read.
//!
//! The order is what makes it safe: a dead letter is sent before the message is deleted, and failures are counted before
//! they decide. Whatever fails here leaves the message in the queue, and the work on it is repeat-safe.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, QueueError, Receipt};
use time::format_description::well_known::Rfc3339;

use crate::disposition::{DeadLetterReason, Disposition, Verdict, dispose};
use crate::handler::{Failure, Handler};
use crate::intake::Held;
use crate::ledger::{FailedAttempt, Ledger, RecordedFailure};
use crate::metrics;
use crate::options::Options;

/// Tries of one batch call, with a short wait between them. What fails after that comes back by itself.
const TRIES: u32 = 3;
const WAIT_BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// What settling some messages did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many ended with each outcome label.
    pub outcomes: BTreeMap<&'static str, u64>,
    pub dead_lettered: u64,
    /// The ledger could not be asked.
    pub ledger_down: bool,
}

struct Decided {
    held: Held,
    disposition: Disposition,
    recorded: Option<RecordedFailure>,
}

/// Settles messages. Their places are free when it returns.
pub(crate) async fn settle<H: Handler, Q: Queue, L: Ledger>(
    queue: &Q,
    dead_letters: &Q,
    ledger: &L,
    options: &Options,
    ended: Vec<(Held, Verdict)>,
) -> Settled {
    let mut settled = Settled::default();
    let recorded = record(ledger, &ended, &mut settled).await;
    let recovered: Vec<String> = ended
        .iter()
        .filter(|(held, verdict)| matches!(verdict, Verdict::Done(_)) && held.message.receive_count > 1)
        .map(|(held, _)| held.message.message_id.clone())
        .collect();
    let mut delete = Vec::new();
    let mut bury = Vec::new();
    let mut hide = Vec::new();
    for ((held, verdict), recorded) in ended.into_iter().zip(recorded) {
        *settled.outcomes.entry(metrics::outcome_label(&verdict)).or_default() += 1;
        let attempts = recorded.map(|recorded| recorded.attempts);
        metrics::settled(&held.message.message_id, &verdict, attempts);
        let disposition = dispose(&verdict, attempts, &options.retry, rand::random());
        let decided = Decided { held, disposition, recorded };
        match &decided.disposition {
            Disposition::Delete => delete.push(decided),
            Disposition::VisibleAfter(_) => hide.push(decided),
            Disposition::DeadLetter(_) => bury.push(decided),
        }
    }
    if !bury.is_empty() {
        let buried = send_to_dead_letters::<H, Q>(dead_letters, options, bury).await;
        settled.dead_lettered = buried.len() as u64;
        delete.extend(buried);
    }
    delete_all(queue, &delete).await;
    hide_all(queue, &hide).await;
    if !recovered.is_empty()
        && let Err(error) = ledger.forget(&recovered).await
    {
        metrics::ledger_down(&error);
        settled.ledger_down = true;
    }
    settled
}

/// Whether a verdict is a failed attempt at the message. An outage is not.
fn failed_attempt(held: &Held, verdict: &Verdict) -> Option<FailedAttempt> {
    let message_id = held.message.message_id.clone();
    match verdict {
        Verdict::Failed(Failure::Limited { .. }) => None,
        Verdict::Failed(failure) => {
            Some(FailedAttempt { message_id, class: failure.class(), detail: failure.detail() })
        }
        Verdict::Refused(refusal) => {
            Some(FailedAttempt { message_id, class: refusal.class, detail: refusal.detail.clone() })
        }
        Verdict::Done(_) | Verdict::Ignored | Verdict::Outage { .. } | Verdict::GivenBack => None,
    }
}

async fn record<L: Ledger>(
    ledger: &L,
    ended: &[(Held, Verdict)],
    settled: &mut Settled,
) -> Vec<Option<RecordedFailure>> {
    let failures: Vec<Option<FailedAttempt>> =
        ended.iter().map(|(held, verdict)| failed_attempt(held, verdict)).collect();
    let wanted: Vec<FailedAttempt> = failures.iter().flatten().cloned().collect();
    if wanted.is_empty() {
        return vec![None; ended.len()];
    }
    match ledger.record(&wanted).await {
        Ok(recorded) => {
            let mut recorded = recorded.into_iter();
            failures.iter().map(|failure| failure.as_ref().and_then(|_| recorded.next())).collect()
        }
        Err(error) => {
            metrics::ledger_down(&error);
            settled.ledger_down = true;
            vec![None; ended.len()]
        }
    }
}

/// Sends dead letters, and returns those that arrived: only these may be deleted.
async fn send_to_dead_letters<H: Handler, Q: Queue>(
    dead_letters: &Q,
    options: &Options,
    bury: Vec<Decided>,
) -> Vec<Decided> {
    let letters: Vec<OutgoingMessage> =
        bury.iter().map(|decided| dead_letter::<H>(options, decided)).collect();
    let sent = in_batches(dead_letters, &letters).await;
    let mut buried = Vec::new();
    for (decided, sent) in bury.into_iter().zip(sent) {
        if let (true, Disposition::DeadLetter(reason)) = (sent, &decided.disposition) {
            let attempts = decided.recorded.map_or(1, |recorded| recorded.attempts);
            metrics::dead_lettered(&decided.held.message.message_id, reason, attempts);
            buried.push(decided);
        }
    }
    buried
}

/// The message as it was, with why it is dead. SQS takes ten attributes at most; none may be empty.
fn dead_letter<H: Handler>(options: &Options, decided: &Decided) -> OutgoingMessage {
    let message = &decided.held.message;
    let DeadLetterReason { class, detail } = match &decided.disposition {
        Disposition::DeadLetter(reason) => reason.clone(),
        _ => DeadLetterReason { class: "unknown", detail: String::new() },
    };
    let attempts = decided.recorded.map_or(1, |recorded| recorded.attempts);
    let first_failed_at =
        decided.recorded.and_then(|recorded| recorded.first_failed_at.format(&Rfc3339).ok());
    let attributes = [
        ("coppice.class", class.to_owned()),
        ("coppice.detail", detail),
        ("coppice.worker", H::NAME.to_owned()),
        ("coppice.worker_version", options.worker_version.clone()),
        ("coppice.attempts", attempts.to_string()),
        ("coppice.receive_count", message.receive_count.to_string()),
        ("coppice.message_id", message.message_id.clone()),
        ("coppice.sent_at", message.sent_at.format(&Rfc3339).unwrap_or_default()),
        ("coppice.first_failed_at", first_failed_at.unwrap_or_default()),
    ];
    let attributes = attributes
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    OutgoingMessage { body: message.body.clone(), attributes }
}

async fn delete_all<Q: Queue>(queue: &Q, decided: &[Decided]) {
    let receipts: Vec<Receipt> = decided.iter().map(|decided| decided.held.message.receipt.clone()).collect();
    in_batches(queue, &receipts).await;
}

async fn hide_all<Q: Queue>(queue: &Q, decided: &[Decided]) {
    let entries: Vec<(Receipt, Duration)> = decided
        .iter()
        .map(|decided| match decided.disposition {
            Disposition::VisibleAfter(wait) => (decided.held.message.receipt.clone(), wait),
            _ => (decided.held.message.receipt.clone(), Duration::ZERO),
        })
        .collect();
    in_batches(queue, &entries).await;
}

type BatchResult = Result<Vec<Result<(), EntryError>>, QueueError>;

/// What a batch call does with its entries follows from what they are.
trait BatchEntry: Clone + Send + Sync {
    const OPERATION: &'static str;
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send;
}

impl BatchEntry for Receipt {
    const OPERATION: &'static str = "delete";
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.delete(batch)
    }
}

impl BatchEntry for (Receipt, Duration) {
    const OPERATION: &'static str = "change_visibility";
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.change_visibility(batch)
    }
}

impl BatchEntry for OutgoingMessage {
    const OPERATION: &'static str = "dead_letter";
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.send(batch)
    }
}

/// Makes a call for each ten entries, and again for those of them that failed and may succeed. Answers for each entry
/// whether it did.
async fn in_batches<Q: Queue, T: BatchEntry>(queue: &Q, entries: &[T]) -> Vec<bool> {
    let mut done = vec![false; entries.len()];
    let mut open: Vec<usize> = (0..entries.len()).collect();
    for attempt in 0..TRIES {
        if open.is_empty() {
            break;
        }
        if attempt > 0 {
            tokio::time::sleep(WAIT_BETWEEN_TRIES).await;
        }
        let mut again = Vec::new();
        for batch in open.chunks(BATCH_LIMIT) {
            let values: Vec<T> = batch.iter().map(|position| entries[*position].clone()).collect();
            match T::call(queue, &values).await {
                Ok(results) => {
                    for (position, result) in batch.iter().zip(results) {
                        match result {
                            Ok(()) => done[*position] = true,
                            Err(error) => {
                                metrics::queue_entry_failed(T::OPERATION, &error);
                                if matches!(error, EntryError::Unavailable { .. }) {
                                    again.push(*position);
                                }
                            }
                        }
                    }
                }
                Err(error) => {
                    metrics::queue_call_failed(&error);
                    again.extend_from_slice(batch);
                }
            }
        }
        open = again;
    }
    done
}
