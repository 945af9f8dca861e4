//! What an operation's error means at a terminal: the exit code, and what to type next. An [`OperationError`] names no command;
//! the text of the [`JobError`] does.

use job_process::JobError;
use operations::dlq::action_name;
use operations::{ErrorKind, OperationError};
use postgres_store::StoreError;

pub(crate) fn job_error(error: OperationError) -> JobError {
    let text = format!("{error}{}", advice(&error));
    match error.kind() {
        ErrorKind::Failed => JobError::Failed(text),
        ErrorKind::Invalid => JobError::Usage(text),
        ErrorKind::NotFound => JobError::NotFound(text),
        ErrorKind::Guarded => JobError::Guarded(text),
        ErrorKind::Stopped => JobError::Stopped(text),
    }
}

fn advice(error: &OperationError) -> String {
    match error {
        OperationError::NotMovable => String::from(": use `coppice dlq redrive undelivered`"),
        OperationError::NoPlan(_) => {
            String::from(": `coppice dlq redrive UNIT` makes a plan and prints its ID")
        }
        OperationError::MessagesRefused { .. } => {
            String::from(". Fix the rule and run the plan again, or drop them with `coppice dlq drop`")
        }
        OperationError::Locked { plan_id: Some(plan_id), .. } => {
            format!(": see `coppice dlq plan {plan_id}`")
        }
        OperationError::CanaryDeadLettered { plan_id, unit, sent, to_send, .. } => {
            let rest = if sent < to_send {
                format!("; or send the rest anyway: coppice dlq redrive --plan {plan_id} --yes --canary 0")
            } else {
                String::new()
            };
            format!(". `coppice dlq list {unit}` shows the reason. Fix the cause and make a new plan{rest}")
        }
        OperationError::CanaryNotHandled { plan_id, .. } => {
            format!(" Then resume: coppice dlq redrive --plan {plan_id} --yes")
        }
        OperationError::DeadLetteredAgain { unit, .. } => {
            format!(": `coppice dlq list {unit}` shows the reason")
        }
        OperationError::NotHandled { plan_id, .. } => format!(" See `coppice dlq plan {plan_id}`"),
        OperationError::RunStopped { plan_id, action } => {
            format!("; resume with: coppice dlq {} --plan {plan_id} --yes", action_name(*action))
        }
        OperationError::Store(StoreError::Unavailable { .. })
        | OperationError::Queue(_)
        | OperationError::EventBridge { .. } => String::from(". Run `coppice doctor`: it names the fix"),
        _ => String::new(),
    }
}
