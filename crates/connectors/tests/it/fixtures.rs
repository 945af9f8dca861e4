//! Clients of servers of the tests, and the recorded events and records.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use connectors::{
    Account, Auth0Client, Auth0Config, Cloud, Connected, EntraAuth, EntraClient, EntraConfig, Fetched,
    HubSpotClient, HubSpotConfig, OktaAuth, OktaClient, OktaConfig, PersonaClient, PersonaConfig, Record,
    RecordEvent, RecordHint, Records, SalesforceAuth, SalesforceClient, SalesforceConfig, ScimClient,
    ScimConfig, SignInEvent, SignInTypes, Source, SourceEvents, StripeClient, StripeConfig, UnreadableEvent,
    Vendor, Verification,
};
use event_contract::Envelope;
use provider_http::test_server::{ISSUED_TOKEN, NOWHERE, answering};
use serde_json::{Value, json};
use simulators::auth0::Auth0Simulator;
use simulators::hubspot::HubSpotSimulator;
use testkit::ScimServer;

pub(crate) const SECRET: &str = "s3cret-of-the-source";

/// Two contacts of the recorded events.
pub(crate) const MARA: &str = "0037Q00000HbKmTQAV";
pub(crate) const OTTO: &str = "0037Q00000HbKmUQAV";

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

/// Every recorded event, named by its vendor and its file: `auth0/log-sdu`.
pub(crate) fn events() -> Vec<(String, String)> {
    let mut events = Vec::new();
    for vendor in std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()) {
        for path in std::fs::read_dir(&vendor).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&path).unwrap();
            let (vendor, name) = (vendor.file_name().unwrap(), path.file_stem().unwrap());
            let name = format!("{}/{}", vendor.to_str().unwrap(), name.to_str().unwrap());
            if serde_json::from_str::<Value>(&text).unwrap().get("detail-type").is_some() {
                events.push((name, text));
            }
        }
    }
    events.sort();
    events
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(fixtures().join(name).with_extension("json")).unwrap()
}

/// The event of this name.
pub(crate) fn event(name: &str) -> Envelope {
    Envelope::parse(&fixture(name)).unwrap()
}

/// The record of this name, to be changed.
pub(crate) fn record(name: &str) -> Value {
    serde_json::from_str(&fixture(name)).unwrap()
}

/// An event from there with this detail.
pub(crate) fn partner_event(from: &str, detail: &str) -> Envelope {
    let body = format!(
        r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{from}",
           "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
    );
    Envelope::parse(&body).unwrap()
}

/// The source of this client that is named like its connector.
pub(crate) fn source(connector: &str, client: impl Records) -> Source {
    source_of(connector, Arc::new(client))
}

/// The same, of a client that is shared.
pub(crate) fn source_of(connector: &str, records: Connected) -> Source {
    let connector = connectors::connector(connector).unwrap();
    let events = SourceEvents { name: connector.name.into(), connector, partner_sources: vec![], bus: None };
    Source { events, role: connector.roles[0], records }
}

/// The records that an event names, if it does not ask for all of them.
pub(crate) fn hints(read: Result<RecordEvent, UnreadableEvent>) -> Result<Vec<RecordHint>, UnreadableEvent> {
    match read? {
        RecordEvent::Records(hints) => Ok(hints),
        RecordEvent::Everything => panic!("it asks for all records"),
    }
}

/// The sign-in that an event of the source reports.
pub(crate) fn read_sign_in(source: &Source, event: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
    let sign_ins = source.records.sign_ins().expect("the source has sign-ins");
    sign_ins.read_sign_in(event, source.events.origin(event)?)
}

/// The parts of a record that each role has alone.
pub(crate) trait Parts {
    fn account(&self) -> &Account;
    fn verification(&self) -> &Verification;
}

impl Parts for Record {
    fn account(&self) -> &Account {
        self.account.as_ref().expect("an identity provider's record")
    }

    fn verification(&self) -> &Verification {
        self.verification.as_ref().expect("an identity verification")
    }
}

/// Assertions as literal JSON.
pub(crate) fn assertions(values: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(values).unwrap()
}

/// Checks that a text that an operator may print shows nothing secret.
pub(crate) fn shows_no_secret(text: &str) {
    for secret in [SECRET, ISSUED_TOKEN, "PRIVATE KEY"] {
        assert!(!text.contains(secret), "{text:?} holds {secret:?}");
    }
}

/// Makes a client of the server at this address.
pub(crate) type Make = fn(&str) -> Connected;

/// A client with a short time-out. Neither it nor its settings show a secret.
pub(crate) fn connected<V>(settings: V::Settings) -> Connected
where
    V: Vendor<Settings: Debug> + Debug,
{
    shows_no_secret(&format!("{settings:?}"));
    let client = V::client(settings, |limits| limits.timeout = Duration::from_millis(300)).unwrap();
    let text = format!("{client:?}");
    shows_no_secret(&text);
    assert!(!text.contains("coppice-client"), "{text}");
    Arc::new(client)
}

/// An API at this address, and what it answers for each record: `{"id": …, "name": {…}, "updatedAt": …}`.
pub(crate) fn rest_settings(url: &str) -> Value {
    json!({
        "url": url,
        "auth": {"kind": "bearer", "token": SECRET},
        "fetch": {
            "path": "/people/{id}",
            "version": {"path": "$.updatedAt", "format": "rfc3339"},
            "gone": {"when": "$.status == 'closed'"}
        },
        "batch": {"path": "/people?ids={ids}", "max": 50, "items": "$.data[*]"},
        "list": {
            "path": "/people?limit=2",
            "items": "$.data[*]",
            "next": {"link": "$.links.next"},
            "total": "$.meta.total"
        },
        "changes": {"path": "/people?limit=2&since={since}"},
        "map": {"given_name": "$.name.first", "key": "$.person_key"}
    })
}

/// A client of it.
pub(crate) fn rest_at(url: &str) -> Connected {
    connected::<connectors::RestClient>(serde_json::from_value(rest_settings(url)).unwrap())
}

/// A tenant at this address.
pub(crate) fn auth0_config(url: &str) -> Auth0Config {
    Auth0Config {
        url: url.parse().unwrap(),
        client_id: "coppice-client".into(),
        client_secret: SECRET.into(),
        audience: None,
        sign_ins: SignInTypes::default(),
    }
}

/// A client whose tenant does not exist: for what needs no network.
pub(crate) fn auth0() -> Auth0Client {
    auth0_at(NOWHERE)
}

/// A client whose tenant does not exist, for which these types are sign-ins.
pub(crate) fn counting(types: &[&str]) -> Auth0Client {
    let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
    let config = Auth0Config { sign_ins: types.try_into().unwrap(), ..auth0_config(NOWHERE) };
    Auth0Client::client(config, |_| {}).unwrap()
}

/// A client of the tenant at this address.
pub(crate) fn auth0_at(url: &str) -> Auth0Client {
    Auth0Client::client(auth0_config(url), |_| {}).unwrap()
}

/// A client of the simulated tenant.
pub(crate) fn auth0_of(tenant: &Auth0Simulator) -> Auth0Client {
    let config = Auth0Config {
        client_id: tenant.client_id().into(),
        client_secret: tenant.client_secret().into(),
        ..auth0_config(&tenant.base_url())
    };
    Auth0Client::client(config, |_| {}).unwrap()
}

/// A client of the organization at this address.
pub(crate) fn okta_at(url: &str, token: &str) -> OktaClient {
    let auth = OktaAuth::ApiToken(token.into());
    OktaClient::client(OktaConfig { url: url.parse().unwrap(), auth }, |_| {}).unwrap()
}

/// A client whose organization does not exist: for what needs no network.
pub(crate) fn okta() -> OktaClient {
    okta_at(NOWHERE, SECRET)
}

/// A client of the SCIM server at this address.
pub(crate) fn scim_at(url: &str) -> ScimClient {
    scim(url, SECRET)
}

/// A client of the real SCIM server.
pub(crate) fn scim_of(server: &ScimServer) -> ScimClient {
    scim(server.base_url(), server.token())
}

fn scim(url: &str, token: &str) -> ScimClient {
    ScimClient::client(ScimConfig { url: url.parse().unwrap(), token: token.into() }, |_| {}).unwrap()
}

/// Settings of the organization at this address.
pub(crate) fn salesforce_config(url: &str) -> SalesforceConfig {
    let auth = SalesforceAuth::ClientCredentials {
        client_id: "coppice-client".into(),
        client_secret: SECRET.into(),
    };
    SalesforceConfig { url: url.parse().unwrap(), login_url: url.parse().unwrap(), auth, organization: None }
}

/// A client of the organization at this address.
pub(crate) fn salesforce_at(url: &str) -> SalesforceClient {
    SalesforceClient::client(salesforce_config(url), |_| {}).unwrap()
}

/// A client whose organization does not exist: for what needs no network.
pub(crate) fn salesforce() -> SalesforceClient {
    salesforce_at(NOWHERE)
}

/// The application of the tenant.
pub(crate) const ENTRA_APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";

/// Settings of the tenant at this address.
pub(crate) fn entra_config(url: &str, auth: EntraAuth) -> EntraConfig {
    let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
    let tenant_id = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5".into();
    EntraConfig { tenant_id, client_id: ENTRA_APP.into(), auth, cloud, notifications: None }
}

/// A client of the tenant at this address.
pub(crate) fn entra_at(url: &str) -> EntraClient {
    EntraClient::client(entra_config(url, EntraAuth::Secret(SECRET.into())), |_| {}).unwrap()
}

/// A client whose tenant does not exist: for what needs no network.
pub(crate) fn entra() -> EntraClient {
    entra_at(NOWHERE)
}

/// Settings of the account at this address.
pub(crate) fn hubspot_config(url: &str, token: &str) -> HubSpotConfig {
    HubSpotConfig {
        url: url.parse().unwrap(),
        token: token.into(),
        portal: None,
        key_property: "coppice_person_key".into(),
    }
}

/// A client of the account at this address.
pub(crate) fn hubspot_at(url: &str) -> HubSpotClient {
    HubSpotClient::client(hubspot_config(url, SECRET), |_| {}).unwrap()
}

/// A simulated account, and a client of it.
pub(crate) async fn account() -> (HubSpotSimulator, HubSpotClient) {
    let account = HubSpotSimulator::start().await;
    let config = hubspot_config(&account.base_url(), account.token());
    (account, HubSpotClient::client(config, |_| {}).unwrap())
}

/// A client of Stripe at this address.
pub(crate) fn stripe_at(url: &str) -> Connected {
    let (url, api_key) = (url.parse().unwrap(), SECRET.into());
    connected::<StripeClient>(StripeConfig { url, api_key, account: None, date_of_birth: false })
}

/// A client of an account, with this key, that makes no call.
pub(crate) fn stripe_of(account: Option<&str>, api_key: &str) -> StripeClient {
    let (url, account) = (NOWHERE.parse().unwrap(), account.map(str::to_owned));
    let config = StripeConfig { url, api_key: api_key.into(), account, date_of_birth: false };
    StripeClient::client(config, |_| {}).unwrap()
}

/// A client of Persona at this address.
pub(crate) fn persona_at(url: &str) -> Connected {
    connected::<PersonaClient>(PersonaConfig { url: url.parse().unwrap(), api_key: SECRET.into() })
}

/// What a client makes of this record of an identity verification.
pub(crate) async fn read(make: Make, record: &Value) -> Record {
    let id = record.pointer("/data/id").or(record.get("id")).and_then(Value::as_str).unwrap();
    found(&make(&answering(200, &[], record).await), id).await
}

/// The record with this ID, which has to be there.
pub(crate) async fn found(client: &Connected, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(record)) => *record,
        other => panic!("{id}: {other:?}"),
    }
}
