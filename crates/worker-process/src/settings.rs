//! The settings that all workers share.

use std::net::SocketAddr;
use std::time::Duration;

use config::{CONFIG, Config, SourceConfig};
use secrecy::SecretString;
use settings::{Reader, SettingsError, both};
use worker_runtime::{Options, RetryPolicy};

settings::declare! {
    /// The settings that all workers share.
    #[derive(Debug, Clone)]
    pub struct ProcessSettings;

    pub DATABASE_URL: SecretString = "DATABASE_URL" [required, secret]
        "the database, as postgres://user:password@host:port/database; parameters: sslmode, sslrootcert, pooling" => pub database_url;
    QUEUE_URL: String = "COPPICE_QUEUE_URL" [required]
        "URL of the worker's SQS queue (output …QueueUrl of the CloudFormation stack)" => pub queue_url;
    DLQ_URL: String = "COPPICE_DLQ_URL" [required]
        "URL of that queue's dead-letter queue (output …DlqUrl)" => pub dlq_url;
    pub BUS_NAME: String = "COPPICE_BUS_NAME" [required]
        "name of the EventBridge bus (output BusName)" => pub bus_name;
    pub CONNECTIONS: u32 = "COPPICE_DATABASE_CONNECTIONS" [default "10", within 2..=1000]
        "maximum number of database connections of one process" => pub database_connections;
    pub HEALTH_ADDRESS: SocketAddr = "COPPICE_HEALTH_ADDRESS" [default "[::]:8080"]
        "address and port for /livez, /readyz and /metrics, such as [::]:8080 or 0.0.0.0:8080" => pub health_address;
    pub LOG: String = "COPPICE_LOG" [default "info"]
        "log filter, in the form of RUST_LOG" => pub log_filter;
    /// The file that declares the sources and whom to believe.
    pub config: Config = use CONFIG;
    pub SOURCE: String = "COPPICE_SOURCE" [required]
        "the source that this process works on, by its name in coppice.toml";
    /// The source that this process works on.
    pub source: SourceConfig = by read_source;
    MAX_ATTEMPTS: u32 = "COPPICE_MAX_ATTEMPTS" [default "5", within 1..=100]
        "failed attempts, counted in the database, after which a message is dead-lettered" => max_attempts;
    RETRY_BASE: Duration = "COPPICE_RETRY_BASE_SECS" [default "2", seconds 1..=900]
        "upper limit of the wait after the first failure; it doubles with each further failure" => retry_base;
    RECEIVE_WAIT: Duration = "COPPICE_RECEIVE_WAIT_SECS" [default "20", seconds 0..=20]
        "how long one receive waits for messages (long poll); a stopping process waits for it too" => receive_wait;
    pub DRAIN_LIMIT: Duration = "COPPICE_DRAIN_LIMIT_SECS" [default "25", seconds 5..=3600]
        "time to finish after SIGTERM; keep it below the pod's terminationGracePeriodSeconds" => pub(crate) drain_limit;
    MAX_IN_FLIGHT: usize = "COPPICE_MAX_IN_FLIGHT" [default "200", within 10..=10_000]
        "maximum number of messages in flight" => max_in_flight;
    MAX_REFETCHES: usize = "COPPICE_MAX_REFETCHES" [default "16", within 1..=1000]
        "maximum number of refetches at the same time" => max_refetches;
    PROBE_INTERVAL: Duration = "COPPICE_PROBE_INTERVAL_SECS" [default "5", seconds 1..=60]
        "first wait before a provider that is down is probed; doubled up to a minute" => probe_interval;
}

const AFTER_THE_WORK: Duration = Duration::from_secs(6);

impl ProcessSettings {
    /// The consumer loop's limits. `visibility_timeout` is the queue's own.
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
            drain_limit: work_drain_limit(self.drain_limit),
            ..defaults
        }
    }
}

/// What the work may take of the time to stop. The rest is for the relay, and for closing connections.
pub fn work_drain_limit(drain_limit: Duration) -> Duration {
    drain_limit - (drain_limit / 4).min(AFTER_THE_WORK)
}

fn read_source(reader: &Reader) -> Result<SourceConfig, SettingsError> {
    let (config, name) = both(reader.read(CONFIG), reader.read(SOURCE))?;
    config.source(&name).cloned().ok_or_else(|| {
        let known: Vec<&str> = config.sources().map(|source| source.name.as_str()).collect();
        SOURCE.fault(format!("coppice.toml has no source {name:?}; its sources are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[sources.directory]\nrole = \"sso\"\nconnector = \"scim\"\nurl = \"https://idp.example\"\n\
                        token = { secret = \"directory\" }";

    fn read(file: &str, source: &str) -> Result<SourceConfig, SettingsError> {
        let variables = [("COPPICE_CONFIG", file), ("COPPICE_SOURCE", source)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        read_source(&Reader::from_variables(variables))
    }

    #[test]
    fn a_process_works_on_one_source_of_the_file() {
        assert_eq!(read(FILE, "directory").unwrap().name, "directory");
        let unknown = read(FILE, "auth0").unwrap_err().to_string();
        assert!(unknown.contains("no source \"auth0\"; its sources are directory"), "{unknown}");
    }

    #[test]
    fn a_fault_of_the_file_is_listed_once() {
        let variables = [(String::from("COPPICE_CONFIG"), String::from("sources = 7"))];
        let faults = Reader::from_variables(variables).load::<ProcessSettings>().unwrap_err().to_string();
        assert_eq!(faults.matches("must be a table").count(), 1, "{faults}");
    }
}
