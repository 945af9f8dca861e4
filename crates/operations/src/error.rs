//! Why an operation did not do what it was asked to: one error type whose text says what is wrong. The text must not name a
//! command: the caller adds what to type or click.

use postgres_store::{LinkRefusal, RedriveAction, StoreError};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use settings::SettingsError;
use sqs_queue::QueueError;
use uuid::Uuid;
use worker_process::BUS_NAME;

use crate::dlq::{UNDELIVERED, action_name};

/// Why an operation did not do what it was asked to. Serialises as `{"kind": …, "message": …}`.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the names and the texts say; counts are of messages")]
pub enum OperationError {
    /// No person has this ID.
    #[error("no person {0}")]
    NoPerson(Uuid),
    /// The record is not stored, or is linked to no person.
    #[error("no record {external_id:?} of {source_name:?} belongs to a person")]
    NoPersonOfRecord { source_name: String, external_id: String },
    /// The record is not stored, or not as gone.
    #[error("no record {external_id:?} of {source_name:?} is stored as gone")]
    NoTombstone { source_name: String, external_id: String },
    /// The record is not stored, or not as missing.
    #[error("no record {external_id:?} of {source_name:?} is missing: see coppice record list --missing")]
    NotMissing { source_name: String, external_id: String },
    /// SQS lists no queue of this bus.
    #[error("no queue's name begins with {prefix:?}: check {} and AWS_REGION", BUS_NAME.name)]
    NoQueues { prefix: String },
    /// No DLQ belongs to a branch of this name, or several to the unit.
    #[error("no DLQ is {unit:?}'s alone; there are those of {}", known.join(", "))]
    NoDlq { unit: String, known: Vec<String> },
    /// The DLQ exists, and the queue that it belongs to does not.
    #[error("the queue of {unit} does not exist")]
    NoQueue { unit: String },
    /// No plan has this ID.
    #[error("no plan {0}")]
    NoPlan(Uuid),
    /// Neither the DLQ nor the table of copies has the message.
    #[error("no dead-lettered message {message_id:?} of {unit} is visible: another reader may hide it")]
    NoMessage { unit: String, message_id: String },
    /// The plan is for the other action.
    #[error("plan {plan_id} is a plan to {}: use that command", action_name(*action))]
    OtherAction { plan_id: Uuid, action: RedriveAction },
    /// SQS moves messages only from the DLQ of a queue.
    #[error("{UNDELIVERED} is not the DLQ of a queue, so SQS cannot move its messages")]
    NotMovable,
    /// Another process holds the lock of this DLQ.
    #[error("another process redrives or drops messages of {unit}")]
    Locked { unit: String, plan_id: Option<Uuid> },
    /// A message of the canary was dead-lettered again.
    #[error(
        "the canary failed: {dead_lettered} of {sent} sent message(s) were dead-lettered again, so nothing more was sent"
    )]
    CanaryDeadLettered { plan_id: Uuid, unit: String, dead_lettered: i64, sent: i64, to_send: i64 },
    /// The unit did not handle the canary in time.
    #[error(
        "{handled} of {canaries} canary message(s) were handled within {wait_secs} s, so nothing more was sent. Check \
         that {unit} runs and that its provider is up."
    )]
    CanaryNotHandled { plan_id: Uuid, unit: String, handled: i64, canaries: i64, wait_secs: u64 },
    /// Messages that the run sent were dead-lettered again.
    #[error("{messages} message(s) were dead-lettered again")]
    DeadLetteredAgain { unit: String, messages: i64 },
    /// The unit has not handled everything that was sent.
    #[error("{messages} message(s) are not handled yet: check that {unit} runs.")]
    NotHandled { plan_id: Uuid, unit: String, messages: i64 },
    /// Messages of the plan are still in the DLQ.
    #[error(
        "{messages} message(s) of the plan are still in the DLQ, or another reader hides them: run the plan again in some minutes"
    )]
    NotDeleted { messages: i64 },
    /// SQS refuses these messages, or no rule matches them.
    #[error("SQS refuses {messages} message(s), or no rule matches them: they stay in the DLQ")]
    MessagesRefused { messages: usize },
    /// SQS took no message of several batches in a row.
    #[error("SQS takes no message: run the plan again later")]
    NothingTaken,
    /// A move task of SQS ended without success.
    #[error("SQS's move task ended as {status} {reason}")]
    MoveFailed { status: String, reason: String },
    /// SQS does not list the move task that it accepted.
    #[error("SQS does not list the move task that it started")]
    MoveUnknown,
    /// A signal ended the reading of a DLQ. Nothing was changed.
    #[error("stopped while reading the DLQ; nothing was changed")]
    ReadStopped,
    /// A signal ended the run of a plan. What it did stands.
    #[error("stopped")]
    RunStopped { plan_id: Uuid, action: RedriveAction },
    /// A signal ended the wait for a move task, which continues in SQS.
    #[error("stopped waiting; SQS continues to move messages")]
    MoveStopped,
    /// A signal ended the checks.
    #[error("stopped before every check was done")]
    ChecksStopped,
    /// No version of `coppice.toml` has this number, or there is none at all.
    #[error("no version {}was applied: `coppice config history` lists them", number.map(|number| format!("{number} ")).unwrap_or_default())]
    NoVersion { number: Option<i64> },
    /// The database failed while persons were computed by a new version. The version counts, and what was computed stands.
    #[error(
        "{error}\nthe version counts, and {persons} persons were computed by it, of whom {changed} changed: run it again to \
         compute the others"
    )]
    ConfigInterrupted { persons: usize, changed: usize, error: StoreError },
    /// EventBridge's own text may quote the event, so it is dropped.
    #[error("EventBridge refused {operation}, or cannot be reached")]
    EventBridge { operation: &'static str },
    /// Settings are missing or wrong: all of them at once.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A setting's value cannot be used.
    #[error("{setting}: {error}")]
    Setting { setting: &'static str, error: StoreError },
    /// The decision about a link is refused.
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQS.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// It failed, or a check found a fault.
    Failed,
    /// The arguments or the settings are wrong.
    Invalid,
    /// There is no such person, record, message, plan or queue.
    NotFound,
    /// A guard stopped it before it did harm.
    Guarded,
    /// The caller stopped it. What it did so far stands.
    Stopped,
}

impl OperationError {
    /// What the error means for the caller.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NoPerson(_)
            | Self::NoPersonOfRecord { .. }
            | Self::NoTombstone { .. }
            | Self::NotMissing { .. }
            | Self::NoQueues { .. }
            | Self::NoDlq { .. }
            | Self::NoQueue { .. }
            | Self::NoPlan(_)
            | Self::NoVersion { .. }
            | Self::NoMessage { .. }
            | Self::Link(LinkRefusal::NoRecord { .. } | LinkRefusal::NoPerson(_)) => ErrorKind::NotFound,
            Self::OtherAction { .. }
            | Self::NotMovable
            | Self::Store(StoreError::Url(_))
            | Self::Settings(_)
            | Self::Setting { .. } => ErrorKind::Invalid,
            Self::Locked { .. } | Self::CanaryDeadLettered { .. } | Self::CanaryNotHandled { .. } => {
                ErrorKind::Guarded
            }
            Self::ReadStopped | Self::RunStopped { .. } | Self::MoveStopped | Self::ChecksStopped => {
                ErrorKind::Stopped
            }
            Self::DeadLetteredAgain { .. }
            | Self::NotHandled { .. }
            | Self::NotDeleted { .. }
            | Self::MessagesRefused { .. }
            | Self::NothingTaken
            | Self::MoveFailed { .. }
            | Self::MoveUnknown
            | Self::ConfigInterrupted { .. }
            | Self::EventBridge { .. }
            | Self::Link(_)
            | Self::Store(_)
            | Self::Queue(_) => ErrorKind::Failed,
        }
    }
}

impl Serialize for OperationError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("OperationError", 2)?;
        error.serialize_field("kind", &self.kind())?;
        error.serialize_field("message", &self.to_string())?;
        error.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_serialises_as_its_kind_and_its_text() {
        let error = OperationError::NoPlan(Uuid::nil());
        let expected = r#"{"kind":"not_found","message":"no plan 00000000-0000-0000-0000-000000000000"}"#;
        assert_eq!(serde_json::to_string(&error).unwrap(), expected);
    }
}
