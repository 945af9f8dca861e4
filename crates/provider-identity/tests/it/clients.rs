//! A client of each kind with a short time-out, and the recorded events and records.

use std::time::Duration;

use event_contract::Envelope;
use provider_http::ProviderHttpConfig;
use provider_identity::{
    FetchedCase, IdentityClient, IdentityProvider, PersonaClient, PersonaConfig, StripeClient, StripeConfig,
    VerificationCase,
};
use serde_json::Value;

use provider_http::test_server::{NOWHERE, answering};

pub(crate) const SECRET: &str = "s3cret-of-the-account";

/// Makes a client of the server at this address.
pub(crate) type Make = fn(&str) -> IdentityClient;

fn short(limits: &mut ProviderHttpConfig) {
    limits.timeout = Duration::from_millis(300);
}

/// An operator may print the settings.
fn shows_no_secret(config: &impl std::fmt::Debug) {
    let text = format!("{config:?}");
    assert!(!text.contains(SECRET), "{text}");
}

pub(crate) fn stripe(url: &str) -> IdentityClient {
    let config = StripeConfig {
        base_url: url.parse().unwrap(),
        api_key: SECRET.into(),
        account: None,
        date_of_birth: false,
    };
    shows_no_secret(&config);
    IdentityClient::Stripe(StripeClient::new(config, short).unwrap())
}

/// A client of an account, with this key, that makes no call.
pub(crate) fn stripe_of(account: Option<&str>, api_key: &str) -> IdentityClient {
    let (base_url, account) = (NOWHERE.parse().unwrap(), account.map(str::to_owned));
    let config = StripeConfig { base_url, api_key: api_key.into(), account, date_of_birth: false };
    IdentityClient::Stripe(StripeClient::new(config, short).unwrap())
}

pub(crate) fn persona(url: &str) -> IdentityClient {
    let config = PersonaConfig { base_url: url.parse().unwrap(), api_key: SECRET.into() };
    shows_no_secret(&config);
    IdentityClient::Persona(PersonaClient::new(config, short).unwrap())
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The event of this name.
pub(crate) fn event(name: &str) -> Envelope {
    Envelope::parse(&fixture(name)).unwrap()
}

/// The record of this name, to be changed.
pub(crate) fn record(name: &str) -> Value {
    serde_json::from_str(&fixture(name)).unwrap()
}

/// The case that a client makes of this record.
pub(crate) async fn read(make: Make, record: &Value) -> VerificationCase {
    let id = record.pointer("/data/id").or(record.get("id")).and_then(Value::as_str).unwrap();
    match make(&answering(200, &[], record).await).fetch_case(id).await {
        Ok(FetchedCase::Found(case)) => *case,
        other => panic!("{other:?}"),
    }
}
