//! The DLQs of the fleet, found by their names, which begin with the bus's name. This module must not know what a message says.

use std::sync::Arc;

use aws_config::SdkConfig;
use config::{Config, SourceConfig};
use connectors::SourceEvents;
use sqs_queue::{SqsQueue, list_queues};

use crate::OperationError;

/// The queue of events that EventBridge could not deliver, or that no unit takes. It is not the DLQ of a queue.
pub const UNDELIVERED: &str = "undelivered";

/// Where the DLQs are.
#[derive(Debug, Clone)]
pub struct DeadLetterQueues {
    pub(super) config: SdkConfig,
    pub(super) bus: String,
    sources: Arc<[SourceEvents]>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dlq {
    /// The branch's name, or [`UNDELIVERED`].
    pub(crate) unit: String,
    pub(crate) queue: SqsQueue,
    /// The queue that it belongs to. `None` for [`UNDELIVERED`], and when that queue is missing.
    pub(crate) source: Option<SqsQueue>,
    /// Whose events its messages may be.
    pub(crate) sources: Arc<[SourceEvents]>,
}

impl Dlq {
    /// Whether an operator means it: by its branch's name, or by its unit's.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.unit == name || fleet::unit(name).is_some() && is_of(&self.unit, name)
    }
}

impl DeadLetterQueues {
    /// The DLQs of the stack whose bus is `bus`, in the account and region of `config`. The sources of the file say what their
    /// messages mean. Calls nothing yet.
    pub fn new(config: SdkConfig, bus: String, file: &Config) -> Self {
        Self { config, bus, sources: file.sources().map(SourceConfig::events).collect() }
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
                // Queues of another stack may be among them, if its name begins with ours. A branch that the file does not have any
                // more still has its messages: they can be looked at.
                let unit = match queue.name.strip_prefix(&prefix)? {
                    UNDELIVERED => UNDELIVERED,
                    name => name.strip_suffix("-dlq").filter(|name| is_branch(name))?,
                };
                let source = if unit == UNDELIVERED { None } else { named(unit) };
                let sources = Arc::clone(&self.sources);
                Some(Dlq { unit: unit.to_owned(), queue: queue.queue.clone(), source, sources })
            })
            .collect();
        found.sort_by(|one, other| one.unit.cmp(&other.unit));
        if found.is_empty() { Err(OperationError::NoQueues { prefix }) } else { Ok(found) }
    }

    /// By the branch's name, or by the unit's if it has one branch.
    pub(crate) async fn of_unit(&self, unit: &str) -> Result<Dlq, OperationError> {
        let all = self.all().await?;
        let known: Vec<String> = all.iter().map(|queue| queue.unit.clone()).collect();
        let mut named = all.into_iter().filter(|queue| queue.is_named(unit));
        match (named.next(), named.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(OperationError::NoDlq { unit: unit.to_owned(), known }),
        }
    }
}

/// Whether a branch is one of this unit.
fn is_of(branch: &str, unit: &str) -> bool {
    branch.strip_prefix(unit).is_some_and(|rest| rest.starts_with('-'))
}

fn is_branch(name: &str) -> bool {
    fleet::with_queue().any(|unit| is_of(name, unit.name))
}
