//! The settings of `webhook-ingress`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use provider_webhook::Secrets;
use secrecy::SecretString;
use settings::{Fault, Reader, SettingsError, all};
use worker_process::{BUS_NAME, CONNECTIONS, DATABASE_URL, DRAIN_LIMIT, HEALTH_ADDRESS, LOG};

use crate::connections::ConnectionLimits;
use crate::provider::{Provider, webhooks};

settings::declare! {
    /// Everything.
    #[derive(Debug)]
    pub(crate) struct Settings;

    pub database_url: SecretString = use DATABASE_URL;
    pub bus_name: String = use BUS_NAME;
    pub database_connections: u32 = use CONNECTIONS;
    pub health_address: SocketAddr = use HEALTH_ADDRESS;
    pub log_filter: String = use LOG;
    pub drain_limit: Duration = use DRAIN_LIMIT;
    LISTEN_ADDRESS: SocketAddr = "COPPICE_LISTEN_ADDRESS" [default "[::]:8081"]
        "where webhooks arrive, as plain HTTP" => pub listen_address;
    pub connections: ConnectionLimits = load;
    pub ingress: IngressSettings = load;
}

settings::declare! {
    impl ConnectionLimits;

    MAX_CONNECTIONS: usize = "COPPICE_MAX_CONNECTIONS" [default "512", within 1..=100_000]
        "maximum number of connections, one request each; more connections wait" => connections;
    HEAD_LIMIT: Duration = "COPPICE_HEAD_LIMIT_SECS" [default "5", seconds 1..=60]
        "time limit for a request's head; then the connection is closed" => head;
}

settings::declare! {
    /// How requests are judged.
    #[derive(Debug)]
    pub struct IngressSettings;

    pub(crate) limits: Limits = load;
    pub(crate) providers: BTreeMap<Provider, Secrets> = by read_providers;
    PUBLIC_URL: PublicUrl = "COPPICE_PUBLIC_URL" [default ""]
        "what providers call instead of http://<listen address>, such as https://hooks.example.gov; HubSpot needs it";
    pub(crate) public_url: PublicUrl = by read_public_url;
}

settings::declare! {
    /// What a request may cost.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Limits;

    MAX_REQUESTS: usize = "COPPICE_MAX_REQUESTS" [default "32", within 1..=10_000]
        "maximum number of requests of one provider at the same time, of up to 1 MiB each; more requests get 503" => pub requests;
    REQUESTS_PER_SECOND: u32 = "COPPICE_REQUESTS_PER_SECOND" [default "100", within 1..=100_000]
        "maximum number of authentic requests of one provider per second; more requests get 503" => pub requests_per_second;
    REQUEST_LIMIT: Duration = "COPPICE_REQUEST_LIMIT_SECS" [default "10", seconds 1..=60]
        "time limit for a whole request; then it gets 503" => pub request;
    BODY_LIMIT: Duration = "COPPICE_BODY_LIMIT_SECS" [default "3", seconds 1..=60]
        "time limit for a request's body; then it gets 503" => pub body;
    PUBLISH_LIMIT: Duration = "COPPICE_PUBLISH_LIMIT_MS" [default "1000", millis 50..=10_000]
        "longest wait for the bus before an event goes to the outbox; Okta waits 3 s in all" => pub publish;
}

/// What providers put before the path. Empty when it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// With scheme and host.
    pub base: String,
    /// What of it belongs to the path.
    pub path: String,
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be https://host, with a path perhaps, without query or fragment";
        if text.is_empty() {
            return Ok(Self::default());
        }
        let base = text.trim_end_matches('/');
        let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        let rest = rest.ok_or(wrong)?;
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || rest.contains(['?', '#', ' ']) {
            return Err(wrong);
        }
        Ok(Self { base: base.to_owned(), path: rest[host.len()..].to_owned() })
    }
}

pub(crate) fn describe() -> String {
    let providers = webhooks().map(|webhook| webhook.secrets.help());
    let known = [<Settings as settings::Settings>::ALL, &providers].concat();
    format!(
        "{}\nSecrets are lists with commas: every secret in a list is accepted. Setting a provider's secrets enables it. \
         Enable at least one provider.\n",
        settings::describe(&known)
    )
}

/// The providers that are enabled, with their secrets.
fn read_providers(reader: &Reader) -> Result<BTreeMap<Provider, Secrets>, SettingsError> {
    let secrets = Provider::ALL.map(|provider| Ok((provider, reader.read(provider.webhook().secrets)?)));
    let mut providers: BTreeMap<Provider, Secrets> = all(secrets)?.into_iter().collect();
    providers.retain(|_, secrets| !secrets.is_empty());
    if !providers.is_empty() {
        return Ok(providers);
    }
    let settings = webhooks().map(|webhook| webhook.secrets.name).join(", ");
    Err(SettingsError::from(Fault {
        name: "COPPICE_<PROVIDER>_WEBHOOK_SECRETS",
        meaning: "they enable the provider",
        problem: format!("no provider is enabled: set the secrets of at least one: {settings}"),
    }))
}

fn read_public_url(reader: &Reader) -> Result<PublicUrl, SettingsError> {
    let url = reader.read(PUBLIC_URL)?;
    let hubspot = reader.read(Provider::HubSpot.webhook().secrets);
    if url == PublicUrl::default() && hubspot.is_ok_and(|secrets| !secrets.is_empty()) {
        return Err(PUBLIC_URL.is_not_set());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(variables: &[(&str, &str)]) -> Vec<&'static str> {
        let known = [("DATABASE_URL", "postgres://x"), ("COPPICE_BUS_NAME", "coppice")];
        let all =
            known.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match Reader::from_variables(all).load::<Settings>() {
            Ok(_) => Vec::new(),
            Err(error) => error.faults().iter().map(|fault| fault.name).collect(),
        }
    }

    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn without_a_provider_one_fault_names_the_settings_that_would_enable_one() {
        assert_eq!(faults(&[]), ["COPPICE_<PROVIDER>_WEBHOOK_SECRETS"]);
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
