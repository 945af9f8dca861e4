//! Timeouts and retries of the client.

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
    // A call takes at most 24 s, and the waits between the attempts. A relay's lease of its outbox rows is shorter. If it ends
    // while a call is under way, another relay may publish the rows too, which is harmless: consumers expect each event more
    // than once.
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
