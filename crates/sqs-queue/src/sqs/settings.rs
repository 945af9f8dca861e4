//! Timeouts and retries of the client.
//!
//! | call | connect | first byte | one attempt | attempts | why |
//! |---|---|---|---|---|---|
//! | receive | 3 s | 25 s | 28 s | 2 | SQS answers a long poll after up to 20 s; the consumer's loop comes again anyway |
//! | all others | 3 s | 5 s | 8 s | 3 | short calls; a message stays in flight while its delete waits |

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Config;
use aws_sdk_sqs::config::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::MAX_WAIT;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

const SHORT_READ_TIMEOUT: Duration = Duration::from_secs(5);
const SHORT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const SHORT_ATTEMPTS: u32 = 3;

const POLL_READ_TIMEOUT: Duration = MAX_WAIT.saturating_add(Duration::from_secs(5));
const POLL_ATTEMPT_TIMEOUT: Duration = POLL_READ_TIMEOUT.saturating_add(CONNECT_TIMEOUT);
const POLL_ATTEMPTS: u32 = 2;

pub(super) fn for_short_calls(config: &SdkConfig) -> Config {
    aws_sdk_sqs::config::Builder::from(config)
        .timeout_config(timeouts(SHORT_READ_TIMEOUT, SHORT_ATTEMPT_TIMEOUT))
        .retry_config(RetryConfig::standard().with_max_attempts(SHORT_ATTEMPTS))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

pub(super) fn for_long_polls(config: &Config) -> Config {
    // Stalled-stream protection takes the silence of a long poll for a stalled upload
    // (<https://github.com/awslabs/aws-sdk-rust/issues/1148>), and the attempt's timeout bounds both bodies already.
    config
        .to_builder()
        .timeout_config(timeouts(POLL_READ_TIMEOUT, POLL_ATTEMPT_TIMEOUT))
        .retry_config(RetryConfig::standard().with_max_attempts(POLL_ATTEMPTS))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

fn timeouts(read: Duration, attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read)
        .operation_attempt_timeout(attempt)
        .build()
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;

    /// A process whose own defaults would cut a long poll short.
    fn impatient() -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .timeout_config(timeouts(Duration::from_secs(1), Duration::from_secs(1)))
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
            .build()
    }

    #[test]
    fn a_receive_outlasts_the_longest_long_poll() {
        let config = for_long_polls(&for_short_calls(&impatient()));
        let timeouts = config.timeout_config().unwrap();
        assert!(timeouts.read_timeout().unwrap() >= MAX_WAIT + Duration::from_secs(5));
        assert!(timeouts.operation_attempt_timeout().unwrap() > timeouts.read_timeout().unwrap());
        assert_eq!(timeouts.operation_timeout(), None, "would cut the second attempt");
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(config.retry_config().unwrap().max_attempts(), POLL_ATTEMPTS);
    }

    #[test]
    fn the_silence_of_a_long_poll_is_not_a_stalled_stream() {
        let config = for_long_polls(&for_short_calls(&impatient()));
        assert!(!config.stalled_stream_protection().unwrap().is_enabled());
    }

    #[test]
    fn other_calls_do_not_inherit_the_timeouts_of_a_long_poll() {
        let config = for_short_calls(&impatient());
        assert_eq!(config.timeout_config().unwrap().read_timeout(), Some(SHORT_READ_TIMEOUT));
        assert_eq!(config.retry_config().unwrap().max_attempts(), SHORT_ATTEMPTS);
    }
}
