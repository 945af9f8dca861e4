//! The settings that all workers share, each named once.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use authority::Policy;
use secrecy::SecretString;
use settings::{Reader, Setting};
use worker_runtime::{Options, RetryPolicy};

/// Where Postgres is.
pub const DATABASE_URL: Setting =
    Setting::required("DATABASE_URL", "the database, as postgres://user:password@host:port/database");
/// The worker's queue.
pub const QUEUE_URL: Setting = Setting::required(
    "COPPICE_QUEUE_URL",
    "URL of the worker's SQS queue (output …QueueUrl of the CloudFormation stack)",
);
/// The worker's dead-letter queue.
pub const DLQ_URL: Setting =
    Setting::required("COPPICE_DLQ_URL", "URL of that queue's dead-letter queue (output …DlqUrl)");
/// The bus.
pub const BUS_NAME: Setting =
    Setting::required("COPPICE_BUS_NAME", "name of the EventBridge bus (output BusName)");

/// Size of the pool.
pub const CONNECTIONS: Setting =
    Setting::with_default("COPPICE_DATABASE_CONNECTIONS", "10", "most database connections of one process");
/// The port of Kubernetes and Prometheus.
pub const HEALTH_ADDRESS: Setting = Setting::with_default(
    "COPPICE_HEALTH_ADDRESS",
    "0.0.0.0:8080",
    "where /livez, /readyz and /metrics are answered",
);
/// What is logged.
pub const LOG: Setting = Setting::with_default("COPPICE_LOG", "info", "log filter, in the form of RUST_LOG");
/// Who is believed about what. `COPPICE_POLICY_FILE` names a file.
pub const POLICY: Setting = Setting::with_default(
    "COPPICE_POLICY",
    BUILT_IN,
    "who is believed about which field, as TOML: better named as a file, COPPICE_POLICY_FILE=/path",
);
/// The value of [`POLICY`] that means the policy of `crates/authority/src/default-policy.toml`.
const BUILT_IN: &str = "built-in";
const MAX_ATTEMPTS: Setting = Setting::with_default(
    "COPPICE_MAX_ATTEMPTS",
    "5",
    "failed attempts, counted in the database, after which a message is dead",
);
const RETRY_BASE: Setting = Setting::with_default(
    "COPPICE_RETRY_BASE_SECS",
    "2",
    "longest first wait after a failure; doubled with each further one",
);
const RECEIVE_WAIT: Setting = Setting::with_default(
    "COPPICE_RECEIVE_WAIT_SECS",
    "20",
    "long poll; a stopping process may have to wait for one",
);
/// How long a stop may take.
pub const DRAIN_LIMIT: Setting = Setting::with_default(
    "COPPICE_DRAIN_LIMIT_SECS",
    "25",
    "time to finish after SIGTERM; keep it below the pod's terminationGracePeriodSeconds",
);
const MAX_IN_FLIGHT: Setting = Setting::with_default("COPPICE_MAX_IN_FLIGHT", "200", "most messages in hand");
const MAX_REFETCHES: Setting = Setting::with_default("COPPICE_MAX_REFETCHES", "16", "most refetches at once");
const PROBE_INTERVAL: Setting = Setting::with_default(
    "COPPICE_PROBE_INTERVAL_SECS",
    "5",
    "first wait before a provider that is down is probed; doubled up to a minute",
);

/// All of them, for `--help` and the documentation.
pub const PROCESS_SETTINGS: &[Setting] = &[
    DATABASE_URL,
    QUEUE_URL,
    DLQ_URL,
    BUS_NAME,
    CONNECTIONS,
    HEALTH_ADDRESS,
    LOG,
    POLICY,
    MAX_ATTEMPTS,
    RETRY_BASE,
    RECEIVE_WAIT,
    DRAIN_LIMIT,
    MAX_IN_FLIGHT,
    MAX_REFETCHES,
    PROBE_INTERVAL,
];

/// The shared settings, parsed.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is documented at its constant")]
pub struct ProcessSettings {
    pub database_url: SecretString,
    pub database_connections: u32,
    pub queue_url: String,
    pub dlq_url: String,
    pub bus_name: String,
    pub health_address: SocketAddr,
    pub log_filter: String,
    pub policy: Policy,
    max_attempts: u32,
    retry_base: Duration,
    receive_wait: Duration,
    drain_limit: Duration,
    max_in_flight: usize,
    max_refetches: usize,
    probe_interval: Duration,
}

impl ProcessSettings {
    /// Reads them all, so that every fault is found. `None` when there is one.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let database_url = reader.secret(DATABASE_URL);
        let queue_url = reader.read(QUEUE_URL);
        let dlq_url = reader.read(DLQ_URL);
        let bus_name = reader.read(BUS_NAME);
        let database_connections = reader.read_within(CONNECTIONS, 2, 1000);
        let health_address = reader.read(HEALTH_ADDRESS);
        let log_filter = reader.read(LOG);
        let policy = read_policy(reader);
        let max_attempts = reader.read_within(MAX_ATTEMPTS, 1, 100);
        let max_in_flight = reader.read_within(MAX_IN_FLIGHT, 10, 10_000);
        let max_refetches = reader.read_within(MAX_REFETCHES, 1, 1000);
        let mut seconds =
            |setting, low, high| reader.read_within(setting, low, high).map(Duration::from_secs);
        let retry_base = seconds(RETRY_BASE, 1, 900);
        let receive_wait = seconds(RECEIVE_WAIT, 0, 20);
        let drain_limit = seconds(DRAIN_LIMIT, 5, 3600);
        let probe_interval = seconds(PROBE_INTERVAL, 1, 60);
        Some(Self {
            database_url: database_url?,
            database_connections: database_connections?,
            queue_url: queue_url?,
            dlq_url: dlq_url?,
            bus_name: bus_name?,
            health_address: health_address?,
            log_filter: log_filter?,
            policy: policy?,
            max_attempts: max_attempts?,
            retry_base: retry_base?,
            receive_wait: receive_wait?,
            drain_limit: drain_limit?,
            max_in_flight: max_in_flight?,
            max_refetches: max_refetches?,
            probe_interval: probe_interval?,
        })
    }

    /// The consumer loop's limits. `visibility_timeout` is the queue's own.
    #[must_use]
    pub fn options(&self, version: &str, visibility_timeout: Duration) -> Options {
        let defaults = Options::default();
        Options {
            worker_version: version.to_owned(),
            max_in_flight: self.max_in_flight,
            max_refetches: self.max_refetches,
            receive_wait: self.receive_wait,
            visibility_timeout,
            retry: RetryPolicy { max_attempts: self.max_attempts, base: self.retry_base, ..defaults.retry },
            probe_interval: self.probe_interval,
            drain_limit: self.drain_limit,
            ..defaults
        }
    }
}

/// Reads [`POLICY`]. `None` when it is none: the reader keeps every fault of it.
pub fn read_policy(reader: &mut Reader) -> Option<Policy> {
    reader.read::<PolicyText>(POLICY).map(|text| text.0)
}

/// A policy as the text of a setting.
struct PolicyText(Policy);

impl FromStr for PolicyText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == BUILT_IN {
            return Ok(Self(Policy::default()));
        }
        Policy::parse(text).map(Self).map_err(|error| format!("\n    {}\n   ", error.faults.join("\n    ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, value: &str) -> Reader {
        Reader::from_variables([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_policy_is_the_built_in_one_or_a_file_s() {
        assert_eq!(read_policy(&mut Reader::from_variables([])), Some(Policy::default()));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../authority/src/default-policy.toml");
        assert_eq!(read_policy(&mut reader("COPPICE_POLICY_FILE", file)), Some(Policy::default()));
    }

    #[test]
    fn a_policy_that_cannot_be_read_or_is_none_is_a_fault_that_lists_all_of_its_own() {
        for (name, value, expected) in [
            ("COPPICE_POLICY_FILE", "/nowhere/policy.toml", &["file cannot be read"][..]),
            ("COPPICE_POLICY_FILE", "/dev/null", &["is empty"]),
            (
                "COPPICE_POLICY",
                "[fields.shoe_size]\nfrom = []",
                &["no field \"shoe_size\"", "fields.phone: missing"],
            ),
        ] {
            let mut reader = reader(name, value);
            assert_eq!(read_policy(&mut reader), None);
            let text = reader.finish().unwrap_err().to_string();
            for part in expected {
                assert!(text.contains(part), "{part}\nin {text}");
            }
        }
    }
}
