//! Timeouts and retries of the client: 3 s to connect, 5 s to the first byte, 8 s for one attempt, at most three attempts.
//!
//! A relay that waits for the bus holds a lock on its outbox rows, so it is better told soon. Repeating is harmless:
//! whoever reads events expects each more than once.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Config;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const ATTEMPTS: u32 = 3;

pub(super) fn from(config: &SdkConfig) -> Config {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    aws_sdk_eventbridge::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build()
}
