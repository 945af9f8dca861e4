//! What `webhook-ingress` can be told, each setting named once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use provider_webhook::Secrets;
use secrecy::SecretString;
use settings::{Reader, Setting, SettingsError};
use worker_process::{BUS_NAME, CONNECTIONS, DATABASE_URL, DRAIN_LIMIT, HEALTH_ADDRESS, LOG};

use crate::connections::ConnectionLimits;
use crate::provider::Provider;

const LISTEN_ADDRESS: Setting = Setting::with_default(
    "COPPICE_LISTEN_ADDRESS",
    "0.0.0.0:8081",
    "where webhooks are taken, as plain HTTP",
);
const PUBLIC_URL: Setting = Setting::with_default(
    "COPPICE_PUBLIC_URL",
    "",
    "what providers call instead of http://<listen address>, such as https://hooks.example.gov; HubSpot needs it",
);
const MAX_CONNECTIONS: Setting = Setting::with_default(
    "COPPICE_MAX_CONNECTIONS",
    "512",
    "most connections at once, one request each; those above wait",
);
const HEAD_LIMIT: Setting = Setting::with_default(
    "COPPICE_HEAD_LIMIT_SECS",
    "5",
    "longest that a request's head may take to come in; then the connection is closed",
);
const MAX_REQUESTS: Setting = Setting::with_default(
    "COPPICE_MAX_REQUESTS",
    "32",
    "most requests of one provider at once, of up to 1 MiB each; those above get 503",
);
const REQUESTS_PER_SECOND: Setting = Setting::with_default(
    "COPPICE_REQUESTS_PER_SECOND",
    "100",
    "most authentic requests of one provider in a second; those above get 503",
);
const REQUEST_LIMIT: Setting = Setting::with_default(
    "COPPICE_REQUEST_LIMIT_SECS",
    "10",
    "longest that a request may take, its body included; then it gets 503",
);
const BODY_LIMIT: Setting = Setting::with_default(
    "COPPICE_BODY_LIMIT_SECS",
    "3",
    "longest that a request's body may take to come in; then it gets 503",
);
const PUBLISH_LIMIT: Setting = Setting::with_default(
    "COPPICE_PUBLISH_LIMIT_MS",
    "1000",
    "longest wait for the bus before an event goes to the outbox; Okta waits 3 s in all",
);

/// All but those of the providers, for `--help`.
const OWN_SETTINGS: &[Setting] = &[
    DATABASE_URL,
    BUS_NAME,
    CONNECTIONS,
    HEALTH_ADDRESS,
    LOG,
    DRAIN_LIMIT,
    LISTEN_ADDRESS,
    PUBLIC_URL,
    MAX_CONNECTIONS,
    HEAD_LIMIT,
    MAX_REQUESTS,
    REQUESTS_PER_SECOND,
    REQUEST_LIMIT,
    BODY_LIMIT,
    PUBLISH_LIMIT,
];

/// What a request may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub requests: usize,
    pub requests_per_second: u32,
    pub request: Duration,
    pub body: Duration,
    pub publish: Duration,
}

/// What requests are judged by.
#[derive(Debug)]
pub struct IngressSettings {
    pub(crate) public_url: PublicUrl,
    pub(crate) providers: BTreeMap<Provider, Secrets>,
    pub(crate) limits: Limits,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Settings {
    pub database_url: SecretString,
    pub database_connections: u32,
    pub bus_name: String,
    pub health_address: SocketAddr,
    pub log_filter: String,
    pub drain_limit: Duration,
    pub listen_address: SocketAddr,
    pub connections: ConnectionLimits,
    pub ingress: IngressSettings,
}

/// What providers put before the path. Empty when it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// With scheme and host.
    pub base: String,
    /// What of it belongs to the path.
    pub path: String,
}

/// Not a base that a path can follow.
#[derive(Debug, thiserror::Error)]
#[error("must be https://host, with a path perhaps, without query or fragment")]
pub(crate) struct PublicUrlError;

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let base = text.trim_end_matches('/');
        let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        let rest = rest.ok_or(PublicUrlError)?;
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || rest.contains(['?', '#', ' ']) {
            return Err(PublicUrlError);
        }
        Ok(Self { base: base.to_owned(), path: rest[host.len()..].to_owned() })
    }
}

/// Text for `--help`.
pub(crate) fn describe() -> String {
    let providers = Provider::ALL.map(Provider::setting);
    let known: Vec<Setting> = OWN_SETTINGS.iter().chain(&providers).copied().collect();
    format!(
        "{}\nSecrets are lists with commas: all of a list are live. A provider is enabled by its secrets, and one must be.\n",
        settings::describe(&known)
    )
}

impl Settings {
    /// Reads them all.
    ///
    /// # Errors
    /// [`SettingsError`] with everything that is missing or wrong.
    pub(crate) fn read(mut reader: Reader) -> Result<Self, SettingsError> {
        let database_url = reader.secret(DATABASE_URL);
        let database_connections = reader.read_within(CONNECTIONS, 2, 1000);
        let bus_name = reader.read(BUS_NAME);
        let health_address = reader.read(HEALTH_ADDRESS);
        let log_filter = reader.read(LOG);
        let drain_limit = reader.read_within(DRAIN_LIMIT, 5, 3600).map(Duration::from_secs);
        let listen_address = reader.read(LISTEN_ADDRESS);
        let connections = reader.read_within(MAX_CONNECTIONS, 1, 100_000);
        let head = reader.read_within(HEAD_LIMIT, 1, 60).map(Duration::from_secs);
        let ingress = IngressSettings::read(&mut reader);
        reader.finish()?;
        let all = || {
            Some(Self {
                database_url: database_url?,
                database_connections: database_connections?,
                bus_name: bus_name?,
                health_address: health_address?,
                log_filter: log_filter?,
                drain_limit: drain_limit?,
                listen_address: listen_address?,
                connections: ConnectionLimits { connections: connections?, head: head? },
                ingress: ingress?,
            })
        };
        all().ok_or(SettingsError { faults: Vec::new() })
    }
}

impl IngressSettings {
    /// Reads the settings by which requests are judged. `None` when one is missing or wrong: the reader keeps which.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let public_url = reader.read::<PublicUrl>(PUBLIC_URL);
        let requests = reader.read_within(MAX_REQUESTS, 1, 10_000);
        let requests_per_second = reader.read_within(REQUESTS_PER_SECOND, 1, 100_000);
        let request = reader.read_within(REQUEST_LIMIT, 1, 60).map(Duration::from_secs);
        let body = reader.read_within(BODY_LIMIT, 1, 60).map(Duration::from_secs);
        let publish = reader.read_within(PUBLISH_LIMIT, 50, 10_000).map(Duration::from_millis);
        let read = Provider::ALL.map(|provider| (provider, provider.read_secrets(reader)));
        let wrong = read.iter().any(|(_, secrets)| secrets.is_none());
        let given = read.into_iter().filter_map(|(provider, secrets)| Some((provider, secrets?)));
        let providers: BTreeMap<Provider, Secrets> =
            given.filter(|(_, secrets)| !secrets.is_empty()).collect();
        if providers.is_empty() && !wrong {
            // Whoever listens for nobody was set up wrong: each setting that would mend it is listed as missing.
            for provider in Provider::ALL {
                let Setting { name, meaning, .. } = provider.setting();
                reader.secret(Setting::required(name, meaning));
            }
        }
        if providers.contains_key(&Provider::HubSpot) && public_url == Some(PublicUrl::default()) {
            reader.read::<String>(Setting::required(PUBLIC_URL.name, PUBLIC_URL.meaning));
        }
        let limits = Limits {
            requests: requests?,
            requests_per_second: requests_per_second?,
            request: request?,
            body: body?,
            publish: publish?,
        };
        Some(Self { public_url: public_url?, providers, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(variables: &[(&str, &str)]) -> Vec<&'static str> {
        let known = [("DATABASE_URL", "postgres://x"), ("COPPICE_BUS_NAME", "coppice")];
        let all =
            known.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match Settings::read(Reader::from_variables(all)) {
            Ok(_) => Vec::new(),
            Err(error) => error.faults.into_iter().map(|fault| fault.name).collect(),
        }
    }

    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn without_a_provider_every_setting_that_would_enable_one_is_listed() {
        assert_eq!(faults(&[]), Provider::ALL.map(|provider| provider.setting().name));
        assert_eq!(faults(&[("COPPICE_STRIPE_WEBHOOK_SECRETS", SECRET)]), [""; 0]);
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let wrong = [
            ("COPPICE_HUBSPOT_WEBHOOK_SECRETS", SECRET),
            ("COPPICE_STRIPE_WEBHOOK_SECRETS", "short"),
            ("COPPICE_MAX_REQUESTS", "0"),
        ];
        let expected = ["COPPICE_MAX_REQUESTS", "COPPICE_STRIPE_WEBHOOK_SECRETS", "COPPICE_PUBLIC_URL"];
        assert_eq!(faults(&wrong), expected);
    }

    #[test]
    fn a_public_url_may_have_a_path() {
        let url: PublicUrl = "https://hooks.example.gov/in/".parse().unwrap();
        assert_eq!((url.base.as_str(), url.path.as_str()), ("https://hooks.example.gov/in", "/in"));
        for wrong in ["hooks.example.gov", "https://", "https://x?y=1", "ftp://x"] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
