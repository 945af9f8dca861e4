//! The settings of `webhook-ingress`.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use config::{CONFIG, Config, SourceWebhooks};
use provider_webhook::{Keys, Secrets, SourceWebhook, Webhook, standard};
use secrecy::SecretString;
use settings::{Reader, Setting, SettingsError, all, both};
use worker_process::{BUS_NAME, CONNECTIONS, DATABASE_URL, DRAIN_LIMIT, HEALTH_ADDRESS, LOG};

use crate::connections::ConnectionLimits;

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
    list use CONFIG;
    list use CONTENTFUL_SECRETS;
    list use STANDARD_SECRETS;
    pub(crate) webhooks: Vec<SourceWebhooks> = by read_webhooks;
    PUBLIC_URL: PublicUrl = "COPPICE_PUBLIC_URL" [default ""]
        "what sources call instead of http://<listen address>, such as https://hooks.example.gov; a vendor may sign it";
    pub(crate) public_url: PublicUrl = by read_public_url;
}

settings::declare! {
    /// What a request may cost.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Limits;

    MAX_REQUESTS: usize = "COPPICE_MAX_REQUESTS" [default "32", within 1..=10_000]
        "maximum number of requests of one source at the same time, of up to 1 MiB each; more requests get 503" => pub requests;
    REQUESTS_PER_SECOND: u32 = "COPPICE_REQUESTS_PER_SECOND" [default "100", within 1..=100_000]
        "maximum number of authentic requests of one source per second; more requests get 503" => pub requests_per_second;
    REQUEST_LIMIT: Duration = "COPPICE_REQUEST_LIMIT_SECS" [default "10", seconds 1..=60]
        "time limit for a whole request; then it gets 503" => pub request;
    BODY_LIMIT: Duration = "COPPICE_BODY_LIMIT_SECS" [default "3", seconds 1..=60]
        "time limit for a request's body; then it gets 503" => pub body;
    PUBLISH_LIMIT: Duration = "COPPICE_PUBLISH_LIMIT_MS" [default "1000", millis 50..=10_000]
        "longest wait for the bus before an event goes to the outbox; vendors wait as little as 3 s in all" => pub publish;
}

/// What sources put before the path. Empty when it is not known.
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

/// Contentful is no source of the file: no unit reads its events, and `content-etl` has settings of its own.
const CONTENTFUL_SECRETS: Setting<Secrets> = Setting::new(
    "COPPICE_CONTENTFUL_WEBHOOK_SECRETS",
    Some(""),
    "Contentful: signing secrets, with commas between; every one is accepted",
    |list| Secrets::read_list(list, Keys::Text),
);

const STANDARD_SECRETS: Setting<Secrets> = Setting::new(
    "COPPICE_STANDARD_WEBHOOKS_SECRETS",
    Some(""),
    "any sender that signs as Standard Webhooks: keys, as whsec_…, with commas between; every one is accepted",
    |list| Secrets::read_list(list, Keys::Base64),
);

/// Senders that are no source of the file: the name of each in its path, its setting, and how it signs.
const OTHER_SENDERS: [(&str, Setting<Secrets>, &Webhook); 2] = [
    ("contentful", CONTENTFUL_SECRETS, &provider_content::contentful::WEBHOOK),
    ("standard-webhooks", STANDARD_SECRETS, &standard::WEBHOOK),
];

/// Whose webhooks are accepted.
fn read_webhooks(reader: &Reader) -> Result<Vec<SourceWebhooks>, SettingsError> {
    let config: Config = reader.read(CONFIG)?;
    let of_file = all(config.sources().map(|source| source.webhooks(reader)));
    let others = all(OTHER_SENDERS.map(|(name, setting, webhook)| {
        let secrets = reader.read(setting)?;
        if secrets.is_empty() {
            return Ok(None);
        }
        if config.source(name).is_some() {
            return Err(setting
                .fault(format!("is set, but {name} is also a source of coppice.toml: rename the source")));
        }
        Ok(Some(SourceWebhooks {
            source: name.to_owned(),
            webhook: SourceWebhook::OfVendor(webhook),
            secrets,
            is_handed_over: false,
        }))
    }));
    let (of_file, others) = both(of_file, others)?;
    let webhooks: Vec<SourceWebhooks> = of_file.into_iter().chain(others).flatten().collect();
    if webhooks.is_empty() {
        let able = config.sources().filter(|source| source.connector.webhook.is_some());
        let able: Vec<&str> = able.map(|source| source.name.as_str()).collect();
        return Err(CONFIG.fault(format!(
            "enables no webhooks: give a source webhook_secrets = [{{ secret = \"name\" }}]. Sources that can send some: {}",
            if able.is_empty() { String::from("none") } else { able.join(", ") }
        )));
    }
    Ok(webhooks)
}

fn read_public_url(reader: &Reader) -> Result<PublicUrl, SettingsError> {
    let url = reader.read(PUBLIC_URL)?;
    // Faults of the sources are in the other list.
    let signs_url =
        read_webhooks(reader).is_ok_and(|all| all.iter().any(|webhooks| webhooks.webhook.signs_url()));
    if url == PublicUrl::default() && signs_url {
        return Err(PUBLIC_URL.is_not_set());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [sources.identity-checks]
        role = "identity"
        connector = "stripe"
        api_key = { secret = "stripe" }
        webhook_secrets = [{ secret = "old" }, { secret = "new" }]

        [sources.contacts]
        role = "crm"
        connector = "hubspot"
        token = { secret = "hubspot" }
        webhook_secrets = [{ secret = "hubspot-app" }]
    "#;

    const SECRET: &str = "0123456789abcdef";

    fn read(variables: &[(&str, &str)]) -> Result<IngressSettings, Vec<String>> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = Reader::from_variables(variables).load::<IngressSettings>();
        read.map_err(|error| {
            error.faults().iter().map(|fault| format!("{} {}", fault.name, fault.problem)).collect()
        })
    }

    #[test]
    fn webhooks_of_each_source_with_secrets_and_of_other_senders_are_accepted() {
        let settings = read(&[
            ("COPPICE_CONFIG", FILE),
            ("COPPICE_SECRET_OLD", SECRET),
            ("COPPICE_SECRET_NEW", SECRET),
            ("COPPICE_SECRET_HUBSPOT_APP", SECRET),
            ("COPPICE_PUBLIC_URL", "https://hooks.example.gov"),
            ("COPPICE_STANDARD_WEBHOOKS_SECRETS", "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="),
        ]);
        let webhooks = settings.unwrap().webhooks;
        let all: Vec<(&str, usize)> =
            webhooks.iter().map(|one| (one.source.as_str(), one.secrets.iter().count())).collect();
        assert_eq!(all, [("contacts", 1), ("identity-checks", 2), ("standard-webhooks", 1)]);
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let wrong = read(&[
            ("COPPICE_CONFIG", FILE),
            ("COPPICE_SECRET_NEW", "short"),
            ("COPPICE_MAX_REQUESTS", "0"),
            ("COPPICE_CONTENTFUL_WEBHOOK_SECRETS", "0123456789abcdef,"),
        ]);
        let names: Vec<String> =
            wrong.unwrap_err().iter().map(|fault| fault.split(' ').next().unwrap().to_owned()).collect();
        let expected = [
            "COPPICE_MAX_REQUESTS",
            "COPPICE_SECRET_HUBSPOT_APP",
            "COPPICE_SECRET_OLD",
            "COPPICE_CONTENTFUL_WEBHOOK_SECRETS",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn without_webhooks_one_fault_names_the_sources_that_could_send_some() {
        let silent =
            FILE.lines().filter(|line| !line.contains("webhook_secrets")).collect::<Vec<_>>().join("\n");
        let faults = read(&[("COPPICE_CONFIG", &silent)]).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("Sources that can send some: contacts, identity-checks"), "{faults:?}");
    }

    #[test]
    fn a_source_that_signs_the_url_needs_the_public_one() {
        let secrets = [
            ("COPPICE_CONFIG", FILE),
            ("COPPICE_SECRET_OLD", SECRET),
            ("COPPICE_SECRET_NEW", SECRET),
            ("COPPICE_SECRET_HUBSPOT_APP", SECRET),
        ];
        let faults = read(&secrets).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with("COPPICE_PUBLIC_URL"), "{faults:?}");
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
