//! Makes plans, and says how far one is. A plan is stored with a copy of each of its messages, and its items: messages that can
//! stand for each other are one item, of which one is sent. Nothing is sent or deleted here.

use std::collections::BTreeMap;

use postgres_store::{DeadLetteredCopy, RedriveAction, RedriveItem, RedrivePlan, Store};
use serde::{Serialize, Serializer};
use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::message::DeadLettered;
use super::queues::DeadLetterQueues;
use super::scan::scan;
use super::selection::Selection;
use crate::OperationError;

const COPIES_AT_ONCE: usize = 500;

/// What a plan is to do.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// Send the messages back, or delete them.
    pub action: RedriveAction,
    /// The unit whose DLQ it is.
    pub unit: String,
    /// Which messages.
    pub selection: Selection,
    /// Most messages of the DLQ that are read.
    pub scan_limit: usize,
    /// Who decides. A drop has one.
    pub author: Option<String>,
    /// Why, in the author's words. A drop has one.
    pub reason: Option<String>,
}

/// A plan that was made.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// The plan's ID. No plan is stored when it has no message.
    pub plan_id: Uuid,
    /// What it is to do.
    #[serde(serialize_with = "as_name")]
    pub action: RedriveAction,
    /// The unit whose DLQ it is about.
    pub unit: String,
    /// Dead-lettered messages in the plan.
    pub messages: usize,
    /// Messages that a redrive sends: one for each record.
    pub to_send: usize,
    /// Messages of the DLQ that are not in the plan.
    pub others: usize,
    /// Messages that were read.
    pub messages_read: usize,
    /// How long ago the oldest message of the plan was first sent.
    pub oldest_secs: Option<i64>,
    /// Messages of the plan by reason.
    pub by_class: BTreeMap<String, usize>,
}

/// How far a plan is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanProgress {
    /// The plan's ID.
    pub plan_id: Uuid,
    /// The unit whose DLQ it is about.
    pub unit: String,
    /// What it does.
    #[serde(serialize_with = "as_name")]
    pub action: RedriveAction,
    /// Dead-lettered messages in the plan.
    pub messages: i64,
    /// Those of them that are deleted from the DLQ.
    pub messages_deleted: i64,
    /// Messages that a redrive sends: one for each record.
    pub to_send: i64,
    /// Messages that were sent.
    pub sent: i64,
    /// Sent messages that the unit has handled.
    pub handled: i64,
    /// Sent messages that were dead-lettered again.
    pub dead_lettered_again: i64,
}

/// Reads the DLQ, keeps a copy of each selected message, and stores the plan.
///
/// # Errors
/// [`OperationError::NoDlq`], [`OperationError::ReadStopped`], [`OperationError::Store`], [`OperationError::Queue`].
pub async fn plan(
    store: &Store,
    queues: &DeadLetterQueues,
    new: &NewPlan,
    stop: &CancellationToken,
) -> Result<PlanReport, OperationError> {
    let dlq = queues.of_unit(&new.unit).await?;
    let now = OffsetDateTime::now_utc();
    let (mut messages, mut copies, mut others) = (Vec::new(), Vec::new(), 0);
    let messages_read = scan(&dlq.queue, new.scan_limit, stop, |received| {
        let message = DeadLettered::read(&dlq.unit, &dlq.sources, &received);
        if new.selection.includes(&message, now) {
            messages.push(message);
            copies.push(copy(received));
        } else {
            others += 1;
        }
    })
    .await?;
    // The plan refers to the copies.
    for some in copies.chunks(COPIES_AT_ONCE) {
        store.keep_messages(&dlq.unit, some).await?;
    }
    let plan = RedrivePlan {
        plan_id: Uuid::now_v7(),
        queue: dlq.unit.clone(),
        action: new.action,
        selection: new.selection.to_json(),
        author: new.author.clone(),
        reason: new.reason.clone(),
    };
    let items = items(&dlq.unit, &messages);
    if !messages.is_empty() {
        store.create_redrive_plan(&plan, &items).await?;
    }
    let mut by_class = BTreeMap::new();
    for message in &messages {
        *by_class.entry(message.class.clone()).or_default() += 1;
    }
    let oldest = messages.iter().map(|message| message.first_sent_at).min();
    Ok(PlanReport {
        plan_id: plan.plan_id,
        action: plan.action,
        unit: dlq.unit,
        messages: messages.len(),
        to_send: items.len(),
        others,
        messages_read,
        oldest_secs: oldest.map(|at| (now - at).whole_seconds()),
        by_class,
    })
}

/// How far a plan is.
///
/// # Errors
/// [`OperationError::NoPlan`], [`OperationError::Store`].
pub async fn progress(store: &Store, plan_id: Uuid) -> Result<PlanProgress, OperationError> {
    PlanProgress::read(store, &known_plan(store, plan_id).await?).await
}

pub(super) async fn known_plan(store: &Store, plan_id: Uuid) -> Result<RedrivePlan, OperationError> {
    store.redrive_plan(plan_id).await?.ok_or(OperationError::NoPlan(plan_id))
}

fn copy(message: ReceivedMessage) -> DeadLetteredCopy {
    let ReceivedMessage { message_id, body, attributes, sent_at, .. } = message;
    DeadLetteredCopy { message_id, body, attributes, sent_at }
}

fn items(unit: &str, messages: &[DeadLettered]) -> Vec<RedriveItem> {
    let mut grouped: BTreeMap<(&str, &[String]), Vec<&DeadLettered>> = BTreeMap::new();
    let mut alone = Vec::new();
    for message in messages {
        match message.record.as_ref().and_then(|record| record.shared_by(unit)) {
            Some(shared) => grouped.entry(shared).or_default().push(message),
            None => alone.push(vec![message]),
        }
    }
    let mut groups: Vec<Vec<&DeadLettered>> = grouped.into_values().chain(alone).collect();
    groups.sort_by_key(|messages| messages.iter().map(|message| message.first_sent_at).min());
    groups
        .into_iter()
        // The message with the newest bound is sent: a refetch that answers with an older version comes from a stale replica
        // and is tried again, so an older bound would admit a stale answer.
        .filter_map(|messages| {
            let newest = messages.iter().max_by_key(|message| {
                let bound = message.record.as_ref().and_then(|record| record.not_before);
                (bound, message.event_time, message.first_sent_at)
            })?;
            Some(RedriveItem {
                item_id: Uuid::now_v7(),
                message_id: newest.message_id.clone(),
                message_ids: messages.iter().map(|message| message.message_id.clone()).collect(),
            })
        })
        .collect()
}

/// The action's name, as reports and commands have it.
pub const fn action_name(action: RedriveAction) -> &'static str {
    match action {
        RedriveAction::Redrive => "redrive",
        RedriveAction::Drop => "drop",
    }
}

fn as_name<S: Serializer>(action: &RedriveAction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(action_name(*action))
}

impl PlanProgress {
    pub(super) async fn read(store: &Store, plan: &RedrivePlan) -> Result<Self, OperationError> {
        let progress = store.redrive_progress(plan.plan_id).await?;
        Ok(Self {
            plan_id: plan.plan_id,
            unit: plan.queue.clone(),
            action: plan.action,
            messages: progress.messages,
            messages_deleted: progress.messages_deleted,
            to_send: progress.items,
            sent: progress.items_sent,
            handled: progress.items_handled,
            dead_lettered_again: progress.items_dead_lettered,
        })
    }

    /// Whether a run of the plan has ended as it should. A plan that its pace's `max` has cut short is no failure.
    ///
    /// # Errors
    /// [`OperationError::DeadLetteredAgain`], [`OperationError::NotHandled`], [`OperationError::NotDeleted`].
    pub fn check(&self) -> Result<(), OperationError> {
        let redrives = self.action == RedriveAction::Redrive;
        if self.dead_lettered_again > 0 {
            let messages = self.dead_lettered_again;
            return Err(OperationError::DeadLetteredAgain { unit: self.unit.clone(), messages });
        }
        if redrives && self.sent > self.handled {
            let (plan_id, unit, messages) = (self.plan_id, self.unit.clone(), self.sent - self.handled);
            return Err(OperationError::NotHandled { plan_id, unit, messages });
        }
        if redrives && self.sent < self.to_send {
            return Ok(());
        }
        if self.messages_deleted < self.messages {
            return Err(OperationError::NotDeleted { messages: self.messages - self.messages_deleted });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use connectors::SourceEvents;
    use sqs_queue::Receipt;
    use time::macros::datetime;

    use super::*;

    fn message(unit: &str, message_id: &str, body: &str) -> DeadLettered {
        let message = ReceivedMessage {
            message_id: message_id.to_owned(),
            receipt: Receipt(String::from("r")),
            body: body.to_owned(),
            receive_count: 1,
            sent_at: datetime!(2026-11-24 10:00 UTC),
            attributes: BTreeMap::new(),
        };
        let auth0 = SourceEvents::of("auth0", connectors::connector("auth0").unwrap());
        DeadLettered::read(unit, &[auth0], &message)
    }

    fn event(ids: &str, not_before: &str) -> String {
        format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"coppice.ingress.auth0",
            "time":"2026-11-20T15:10:42Z",
            "detail":{{"ids":{ids},"change":"changed","not_before":"{not_before}"}}}}"#
        )
    }

    #[test]
    fn messages_about_one_record_become_one_item_with_the_newest_bound() {
        let bodies = [
            event(r#"["ada"]"#, "2026-11-20T15:00:00Z"),
            event(r#"["ada"]"#, "2026-11-20T16:00:00Z"),
            event(r#"["ada"]"#, "2026-11-20T14:00:00Z"),
            event(r#"["bob"]"#, "2026-11-20T14:00:00Z"),
            String::from("not an event"),
            String::from("not an event"),
        ];
        let of = |unit: &str| -> Vec<DeadLettered> {
            bodies.iter().enumerate().map(|(at, body)| message(unit, &at.to_string(), body)).collect()
        };
        let mut made: Vec<(String, usize)> = items("sso-sync", &of("sso-sync"))
            .into_iter()
            .map(|item| (item.message_id, item.message_ids.len()))
            .collect();
        made.sort();
        let expected = [("1", 3), ("3", 1), ("4", 1), ("5", 1)];
        assert_eq!(made, expected.map(|(id, messages)| (id.to_owned(), messages)));
        assert_eq!(items("app-login", &of("app-login")).len(), 6, "each sign-in counts");
    }
}
