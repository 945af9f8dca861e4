//! The limits of a runtime. Each has a default that suits a worker of one provider.

use std::time::Duration;

use crate::disposition::RetryPolicy;

/// When a runtime ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// When it is stopped: a worker.
    Forever,
    /// When the queue is empty and nothing is in flight: a resync job.
    UntilEmpty,
}

/// A runtime's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The version of this build: an attribute of dead-lettered messages.
    pub worker_version: String,
    /// Most messages in flight. Receiving stops at this number.
    pub max_in_flight: usize,
    /// Refetches at once.
    pub max_refetches: usize,
    /// Most subjects in one transaction.
    pub max_apply: usize,
    /// How long fetched subjects wait for more of their batch before they are applied.
    pub apply_linger: Duration,
    /// Longest that a receive waits for a message. SQS allows 20 s.
    pub receive_wait: Duration,
    /// The queue's visibility timeout. The runtime extends a message's visibility after each third of it.
    pub visibility_timeout: Duration,
    /// Longest that one step of a handler may take.
    pub step_limit: Duration,
    /// When a failed message is tried again, and when it is dead-lettered.
    pub retry: RetryPolicy,
    /// How long after opening a breaker is first probed; doubled with each failed probe.
    pub probe_interval: Duration,
    /// Longest time between two probes.
    pub longest_probe_interval: Duration,
    /// How long a stopping process may finish the messages in flight.
    pub drain_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            worker_version: String::from("unknown"),
            max_in_flight: 200,
            max_refetches: 16,
            max_apply: 100,
            apply_linger: Duration::from_millis(5),
            receive_wait: sqs_queue::MAX_WAIT,
            visibility_timeout: Duration::from_secs(60),
            step_limit: Duration::from_secs(30),
            retry: RetryPolicy {
                max_attempts: 5,
                base: Duration::from_secs(2),
                cap: Duration::from_secs(900),
            },
            probe_interval: Duration::from_secs(5),
            longest_probe_interval: Duration::from_secs(60),
            drain_limit: Duration::from_secs(25),
        }
    }
}
