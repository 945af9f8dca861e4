//! What the loop counts and logs: one function for each kind of event, so that counter and log line cannot drift apart.
//! Labels are bounded: outcomes, classes and operations, never IDs.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sqs_queue::QueueError;
use time::OffsetDateTime;

use crate::disposition::{DeadLetterReason, Verdict};
use crate::handler::{Failure, Outcome};

pub(crate) fn received(sent_at: OffsetDateTime) {
    counter!("coppice_messages_received_total").increment(1);
    // SQS's own age metric skips messages that were received three times; this one does not.
    let age = (OffsetDateTime::now_utc() - sent_at).as_seconds_f64().max(0.0);
    histogram!("coppice_message_age_seconds").record(age);
}

pub(crate) fn coalesced() {
    counter!("coppice_messages_coalesced_total").increment(1);
}

pub(crate) fn in_flight(messages: usize) {
    #[expect(clippy::cast_precision_loss, reason = "bounded by max_in_flight")]
    gauge!("coppice_messages_in_flight").set(messages as f64);
}

pub(crate) fn refetched(duration: Duration, failure: Option<&Failure>) {
    let result = failure.map_or("ok", Failure::class);
    histogram!("coppice_refetch_seconds", "result" => result).record(duration);
}

pub(crate) fn applied(subjects: usize, duration: Duration) {
    histogram!("coppice_apply_seconds").record(duration);
    counter!("coppice_subjects_applied_total").increment(subjects as u64);
}

pub(crate) fn outcome_label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done(Outcome::Applied) => "applied",
        Verdict::Done(Outcome::Unchanged) => "unchanged",
        Verdict::Done(Outcome::Gone) => "gone",
        Verdict::Done(Outcome::Missing) => "missing",
        Verdict::Done(Outcome::Snooze(_)) => "snoozed",
        Verdict::Ignored => "ignored",
        Verdict::Refused(_) => "refused",
        Verdict::Failed(_) => "failed",
        Verdict::Outage { .. } => "outage",
        Verdict::Aside { .. } => "aside",
        Verdict::Released => "released",
    }
}

pub(crate) fn settled(message_id: &str, verdict: &Verdict, attempts: Option<u32>) {
    counter!("coppice_messages_settled_total", "outcome" => outcome_label(verdict)).increment(1);
    if let Verdict::Failed(failure) = verdict {
        let class = failure.class();
        counter!("coppice_attempts_failed_total", "class" => class).increment(1);
        tracing::warn!(message_id, class, detail = failure.detail(), attempts, "attempt failed");
    }
}

pub(crate) fn dead_lettered(message_id: &str, reason: &DeadLetterReason, attempts: u32) {
    counter!("coppice_messages_dead_lettered_total", "class" => reason.class).increment(1);
    // An error: an operator has to look at a dead-lettered message.
    tracing::error!(
        message_id,
        class = reason.class,
        detail = reason.detail,
        attempts,
        "message dead-lettered"
    );
}

pub(crate) fn queue_call_failed(error: &QueueError) {
    let operation = match error {
        QueueError::Refused { operation, .. } | QueueError::Unavailable { operation, .. } => operation,
    };
    counter!("coppice_queue_calls_failed_total", "operation" => *operation).increment(1);
    tracing::warn!(%error, "queue call failed");
}

pub(crate) fn queue_entry_failed(operation: &'static str, error: &sqs_queue::EntryError) {
    counter!("coppice_queue_entries_failed_total", "operation" => operation).increment(1);
    tracing::warn!(operation, %error, "queue entry failed");
}

pub(crate) fn receipt_lost(message_id: &str) {
    counter!("coppice_receipts_lost_total").increment(1);
    tracing::warn!(message_id, "receipt lost: work on the message stops");
}

/// Only at the first failure of an outage.
pub(crate) fn our_side_failed(class: &'static str, detail: &str) {
    counter!("coppice_own_failures_total", "class" => class).increment(1);
    tracing::error!(class, detail, "our own side failed: receiving stops, and no attempt is counted");
}

pub(crate) fn own_outage(is_down: bool) {
    gauge!("coppice_own_outage").set(if is_down { 1.0 } else { 0.0 });
}

pub(crate) fn ledger_down(error: &crate::LedgerDown) {
    counter!("coppice_ledger_failures_total").increment(1);
    tracing::warn!(%error, "ledger does not answer: no attempt is counted");
}

pub(crate) fn breaker(upstream: &str, open: bool) {
    gauge!("coppice_breaker_open", "upstream" => upstream.to_owned()).set(if open { 1.0 } else { 0.0 });
}

pub(crate) fn breaker_opened(upstream: &str, reason: &str, until_probe: Duration) {
    breaker(upstream, true);
    counter!("coppice_breaker_opened_total", "upstream" => upstream.to_owned()).increment(1);
    let probe_in_secs = until_probe.as_secs();
    tracing::warn!(upstream, reason, probe_in_secs, "breaker open: receiving stops");
}

pub(crate) fn breaker_closed(upstream: &str) {
    breaker(upstream, false);
    tracing::info!(upstream, "breaker closed: receiving resumes");
}

pub(crate) fn probed(upstream: &str, answered: bool) {
    let result = if answered { "ok" } else { "failed" };
    counter!("coppice_probes_total", "upstream" => upstream.to_owned(), "result" => result).increment(1);
}
