//! Every DLQ with its messages, counted by reason. Reads only; the messages stay.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use sqs_queue::Queue;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::message::DeadLettered;
use super::queues::{DeadLetterQueues, Dlq};
use super::scan::scan;
use crate::OperationError;

/// One DLQ.
#[derive(Debug, Clone, Serialize)]
pub struct DlqReport {
    /// The unit's name, or [`UNDELIVERED`](super::UNDELIVERED).
    pub unit: String,
    /// By SQS's own, approximate, count.
    pub messages: u64,
    /// Messages that were read: only their reasons are counted.
    pub messages_read: usize,
    /// How long ago the oldest was first sent.
    pub oldest_secs: Option<i64>,
    /// When SQS deletes the first of them.
    pub first_expires_in_secs: Option<i64>,
    /// The largest first.
    pub groups: Vec<MessageGroup>,
}

/// Messages with one reason, event type and worker version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageGroup {
    /// The reason.
    pub class: String,
    /// The event's `detail-type`; `-` when there is none.
    pub event_type: String,
    /// The version of the worker that dead-lettered it; `-` when SQS or EventBridge did.
    pub worker_version: String,
    /// How many.
    pub messages: usize,
    /// Different records that they name, as far as they can be parsed.
    pub records: usize,
    /// Messages that were redriven once and dead-lettered again.
    pub redriven_before: usize,
}

/// The DLQs of `units` and branches, or all of them, with at most `limit` messages read of each.
///
/// # Errors
/// [`OperationError::NoDlq`], [`OperationError::NoQueues`], [`OperationError::ReadStopped`], [`OperationError::Queue`].
pub async fn list(
    queues: &DeadLetterQueues,
    units: &[String],
    limit: usize,
    stop: &CancellationToken,
) -> Result<Vec<DlqReport>, OperationError> {
    let all = queues.all().await?;
    if let Some(unknown) = units.iter().find(|unit| !all.iter().any(|dlq| dlq.is_named(unit))) {
        let known = all.iter().map(|dlq| dlq.unit.clone()).collect();
        return Err(OperationError::NoDlq { unit: unknown.clone(), known });
    }
    let mut reports = Vec::new();
    for dlq in all.iter().filter(|dlq| units.is_empty() || units.iter().any(|unit| dlq.is_named(unit))) {
        reports.push(report(dlq, limit, stop).await?);
    }
    Ok(reports)
}

async fn report(dlq: &Dlq, limit: usize, stop: &CancellationToken) -> Result<DlqReport, OperationError> {
    let depth = dlq.queue.depth().await?;
    let retention = dlq.queue.facts().await?.retention_secs;
    let mut messages = Vec::new();
    if !depth.is_empty() {
        scan(&dlq.queue, limit, stop, |message| {
            messages.push(DeadLettered::read(&dlq.unit, &dlq.sources, &message));
        })
        .await?;
    }
    let now = OffsetDateTime::now_utc();
    let kept_since = messages.iter().map(|message| message.kept_since).min();
    Ok(DlqReport {
        unit: dlq.unit.clone(),
        messages: depth.visible + depth.in_flight + depth.delayed,
        messages_read: messages.len(),
        oldest_secs: messages.iter().map(|message| (now - message.first_sent_at).whole_seconds()).max(),
        first_expires_in_secs: kept_since.map(|at| retention - (now - at).whole_seconds()),
        groups: grouped(&messages),
    })
}

fn grouped(messages: &[DeadLettered]) -> Vec<MessageGroup> {
    let mut groups: BTreeMap<(String, String, String), Vec<&DeadLettered>> = BTreeMap::new();
    for message in messages {
        let unknown = || String::from("-");
        let event_type = message.event_type.clone().unwrap_or_else(unknown);
        let version = message.worker_version.clone().unwrap_or_else(unknown);
        groups.entry((message.class.clone(), event_type, version)).or_default().push(message);
    }
    let mut groups: Vec<MessageGroup> = groups
        .into_iter()
        .map(|((class, event_type, worker_version), messages)| MessageGroup {
            class,
            event_type,
            worker_version,
            messages: messages.len(),
            records: different_records(&messages),
            redriven_before: messages.iter().filter(|message| message.redriven_before).count(),
        })
        .collect();
    groups.sort_by_key(|group| Reverse(group.messages));
    groups
}

fn different_records(messages: &[&DeadLettered]) -> usize {
    let named = messages.iter().filter_map(|message| message.record.as_ref());
    let mut records: Vec<_> =
        named.flat_map(|record| record.ids.iter().map(|id| (record.source.as_str(), id))).collect();
    records.sort_unstable();
    records.dedup();
    records.len()
}
