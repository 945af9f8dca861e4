//! Calls of AWS: rules, queues, alarms, metrics, each by its name. Out: facts, or that a thing does not exist. Must not judge
//! them.

mod alarms;
mod queues;
mod rules;

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use event_bus::{EventBridgeBus, EventBus};
use job_process::JobError;
use sqs_queue::SqsQueue;

pub(crate) use queues::QueueFacts;
pub(crate) use rules::RuleFacts;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 4;

pub(crate) struct Cloud {
    /// The bus's name, and the start of every other.
    pub(crate) prefix: String,
    pub(crate) bus: EventBridgeBus,
    events: aws_sdk_eventbridge::Client,
    queues: aws_sdk_sqs::Client,
    alarms: aws_sdk_cloudwatch::Client,
    config: aws_config::SdkConfig,
}

impl Cloud {
    pub(crate) async fn connect(bus_name: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = aws_config::defaults(BehaviorVersion::latest());
        let config = config.timeout_config(timeouts).retry_config(retries).load().await;
        Self {
            bus: EventBridgeBus::connect(&config, bus_name.clone()),
            prefix: bus_name,
            events: aws_sdk_eventbridge::Client::new(&config),
            queues: aws_sdk_sqs::Client::new(&config),
            alarms: aws_sdk_cloudwatch::Client::new(&config),
            config,
        }
    }

    pub(crate) async fn check_bus(&self) -> Result<(), JobError> {
        // EventBridge accepts events for a bus that does not exist.
        self.bus.verify().await.map_err(|error| JobError::Failed(format!("COPPICE_BUS_NAME: {error}")))
    }

    pub(crate) fn open_queue(&self, facts: &QueueFacts) -> SqsQueue {
        SqsQueue::connect(&self.config, &facts.url)
    }
}
