//! A client without a server, and the recorded events.

use event_contract::Envelope;
use provider_crm::{HubSpotClient, HubSpotConfig, SalesforceAuth, SalesforceClient, SalesforceConfig};
use simulators::hubspot::HubSpotSimulator;

pub(crate) const SECRET: &str = "s3cret-of-the-org";

/// Two contacts of the recorded events.
pub(crate) const MARA: &str = "0037Q00000HbKmTQAV";
pub(crate) const OTTO: &str = "0037Q00000HbKmUQAV";

/// Every fixture of `tests/fixtures`.
pub(crate) fn events() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut events: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    events.sort();
    events
}

/// The event of this name.
pub(crate) fn event(name: &str) -> Envelope {
    let (_, body) = events().into_iter().find(|(event, _)| event == name).unwrap();
    Envelope::parse(&body).unwrap()
}

/// Settings of the organization at this address.
pub(crate) fn config(url: &str) -> SalesforceConfig {
    let auth = SalesforceAuth::ClientCredentials {
        client_id: "coppice-client".into(),
        client_secret: SECRET.into(),
    };
    SalesforceConfig::new(url.parse().unwrap(), url.parse().unwrap(), auth)
}

/// A client of the organization at this address.
pub(crate) fn salesforce_at(url: &str) -> SalesforceClient {
    SalesforceClient::new(config(url), |_| {}).unwrap()
}

/// A client whose organization does not exist: for what needs no network.
pub(crate) fn salesforce() -> SalesforceClient {
    salesforce_at("http://127.0.0.1:9")
}

/// Settings of the account at this address.
pub(crate) fn hubspot_config(url: &str, token: &str) -> HubSpotConfig {
    HubSpotConfig {
        base_url: url.parse().unwrap(),
        token: token.into(),
        portal: None,
        key_property: "coppice_person_key".into(),
    }
}

/// A client of the account at this address.
pub(crate) fn hubspot_at(url: &str) -> HubSpotClient {
    HubSpotClient::new(hubspot_config(url, SECRET), |_| {}).unwrap()
}

/// A simulated account, and a client of it.
pub(crate) async fn account() -> (HubSpotSimulator, HubSpotClient) {
    let account = HubSpotSimulator::start().await;
    let client = HubSpotClient::new(hubspot_config(&account.base_url(), account.token()), |_| {}).unwrap();
    (account, client)
}
