//! The DLQs of the fleet, found by their names, which begin with the bus's name. This module must not know what a message says.

use aws_config::SdkConfig;
use sqs_queue::{SqsQueue, list_queues};

use crate::OperationError;

/// The queue of events that EventBridge could not deliver, or that no unit takes. It is not the DLQ of a queue.
pub const UNDELIVERED: &str = "undelivered";

/// Where the DLQs are.
#[derive(Debug, Clone)]
pub struct DeadLetterQueues {
    pub(super) config: SdkConfig,
    pub(super) bus: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Dlq {
    /// The unit's name, or [`UNDELIVERED`].
    pub(crate) unit: String,
    pub(crate) queue: SqsQueue,
    /// The queue that it belongs to. `None` for [`UNDELIVERED`], and when that queue is missing.
    pub(crate) source: Option<SqsQueue>,
}

impl DeadLetterQueues {
    /// The DLQs of the stack whose bus is `bus`, in the account and region of `config`. Calls nothing yet.
    pub const fn new(config: SdkConfig, bus: String) -> Self {
        Self { config, bus }
    }

    pub(crate) async fn all(&self) -> Result<Vec<Dlq>, OperationError> {
        let prefix = format!("{}-", self.bus);
        let all = list_queues(&self.config, &prefix).await?;
        let named = |wanted: &str| {
            all.iter()
                .find(|queue| queue.name == format!("{prefix}{wanted}"))
                .map(|queue| queue.queue.clone())
        };
        let mut found: Vec<Dlq> = all
            .iter()
            .filter_map(|queue| {
                let unit = queue.name.strip_prefix(&prefix)?;
                let unit =
                    unit.strip_suffix("-dlq").or_else(|| (unit == UNDELIVERED).then_some(UNDELIVERED))?;
                // Queues of another stack may be among them, if its name begins with ours.
                let source = match fleet::unit(unit) {
                    Some(unit) => named(unit.name),
                    None if unit == UNDELIVERED => None,
                    None => return None,
                };
                Some(Dlq { unit: unit.to_owned(), queue: queue.queue.clone(), source })
            })
            .collect();
        found.sort_by(|one, other| one.unit.cmp(&other.unit));
        if found.is_empty() { Err(OperationError::NoQueues { prefix }) } else { Ok(found) }
    }

    pub(crate) async fn of_unit(&self, unit: &str) -> Result<Dlq, OperationError> {
        let all = self.all().await?;
        let known: Vec<String> = all.iter().map(|queue| queue.unit.clone()).collect();
        let found = all.into_iter().find(|queue| queue.unit == unit);
        found.ok_or_else(|| OperationError::NoDlq { unit: unit.to_owned(), known })
    }
}
