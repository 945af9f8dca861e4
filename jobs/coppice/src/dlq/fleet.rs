//! The queues of the fleet, found by their names.

use aws_config::{BehaviorVersion, SdkConfig};
use job_process::{Database, JobError};
use settings::{Reader, both};
use sqs_queue::{QueueError, SqsQueue, list_queues};
use worker_process::BUS_NAME;

/// The queue of events that EventBridge could not deliver, or that no unit takes. It is no queue's dead-letter queue.
pub(crate) const UNDELIVERED: &str = "undelivered";

/// Where a unit's dead letters are, and where they came from.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterQueue {
    /// The unit's name, or [`UNDELIVERED`].
    pub(crate) unit: String,
    pub(crate) letters: SqsQueue,
    /// `None` for [`UNDELIVERED`].
    pub(crate) source: Option<SqsQueue>,
}

/// The settings of a command that needs the database as well: its settings, and the bus's name, with which every queue's
/// name begins.
pub(crate) fn database_and_prefix() -> Result<(Database, String), JobError> {
    let reader = Reader::from_environment();
    Ok(both(reader.load(), reader.read(BUS_NAME))?)
}

/// The AWS configuration of the environment.
pub(crate) async fn aws_config() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

/// Every dead-letter queue, in the order of the units' names.
pub(crate) async fn dead_letter_queues(
    config: &SdkConfig,
    prefix: &str,
) -> Result<Vec<DeadLetterQueue>, JobError> {
    let start = format!("{prefix}-");
    let all = list_queues(config, &start).await.map_err(|error| refused(&error))?;
    let named = |wanted: &str| {
        all.iter().find(|queue| queue.name == format!("{start}{wanted}")).map(|queue| queue.queue.clone())
    };
    let mut found: Vec<DeadLetterQueue> = all
        .iter()
        .filter_map(|queue| {
            let unit = queue.name.strip_prefix(&start)?;
            let unit = unit.strip_suffix("-dlq").or_else(|| (unit == UNDELIVERED).then_some(UNDELIVERED))?;
            let source = if unit == UNDELIVERED { None } else { named(unit) };
            Some(DeadLetterQueue { unit: unit.to_owned(), letters: queue.queue.clone(), source })
        })
        .collect();
    found.sort_by(|one, other| one.unit.cmp(&other.unit));
    if found.is_empty() {
        let told =
            format!("no queue's name begins with {start:?}: is {} right, and the region?", BUS_NAME.name);
        return Err(JobError::NotFound(told));
    }
    Ok(found)
}

/// A unit's dead letters.
pub(crate) async fn of_unit(
    config: &SdkConfig,
    prefix: &str,
    unit: &str,
) -> Result<DeadLetterQueue, JobError> {
    let all = dead_letter_queues(config, prefix).await?;
    let known: Vec<String> = all.iter().map(|queue| queue.unit.clone()).collect();
    let found = all.into_iter().find(|queue| queue.unit == unit);
    found.ok_or_else(|| {
        JobError::NotFound(format!("no unit {unit:?} has dead letters; there are {}", known.join(", ")))
    })
}

/// What a failed call of SQS means for a command.
pub(crate) fn refused(error: &QueueError) -> JobError {
    JobError::Failed(error.to_string())
}
