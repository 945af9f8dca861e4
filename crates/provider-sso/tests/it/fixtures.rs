//! Clients without a server, and the recorded events.

use event_contract::Envelope;
use provider_sso::auth0::Auth0Config;
use provider_sso::okta::{OktaAuth, OktaConfig};
use provider_sso::scim::ScimConfig;
use provider_sso::{Auth0Client, Cloud, EntraAuth, EntraClient, EntraConfig, OktaClient, ScimClient};
use testkit::ScimServer;

pub(crate) const SECRET: &str = "s3cret-of-the-tenant";

/// Every fixture of `tests/fixtures` that is an event.
pub(crate) fn events() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut events: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .filter(|(name, _)| !name.ends_with("-user"))
        .collect();
    events.sort();
    events
}

/// The event of this name.
pub(crate) fn event(name: &str) -> Envelope {
    let (_, body) = events().into_iter().find(|(event, _)| event == name).unwrap();
    Envelope::parse(&body).unwrap()
}

/// A client whose tenant does not exist: for what needs no network.
pub(crate) fn auth0() -> Auth0Client {
    auth0_at("http://127.0.0.1:9")
}

/// A client whose tenant does not exist, for which these types are sign-ins.
pub(crate) fn counting(types: &str) -> Auth0Client {
    let (client_id, client_secret) = ("coppice".into(), SECRET.into());
    let (domain, sign_ins) = ("http://127.0.0.1:9".parse().unwrap(), types.parse().unwrap());
    Auth0Client::new(Auth0Config { domain, client_id, client_secret, audience: None, sign_ins }, |_| {})
        .unwrap()
}

/// A client of the tenant at this address.
pub(crate) fn auth0_at(domain: &str) -> Auth0Client {
    let (client_id, client_secret) = ("coppice".into(), SECRET.into());
    Auth0Client::new(
        Auth0Config {
            domain: domain.parse().unwrap(),
            client_id,
            client_secret,
            audience: None,
            sign_ins: provider_sso::SignInTypes::default(),
        },
        |_| {},
    )
    .unwrap()
}

/// A client of the organization at this address.
pub(crate) fn okta_at(org_url: &str, token: &str) -> OktaClient {
    let auth = OktaAuth::ApiToken(token.into());
    OktaClient::new(OktaConfig { org_url: org_url.parse().unwrap(), auth }, |_| {}).unwrap()
}

/// Our application at the simulated tenant.
pub(crate) const ENTRA_APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";

/// The settings of a client of the tenant at this address.
pub(crate) fn entra_config(url: &str, auth: EntraAuth) -> EntraConfig {
    let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
    let tenant_id = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5".into();
    EntraConfig { tenant_id, client_id: ENTRA_APP.into(), auth, cloud }
}

/// A client of the tenant at this address.
pub(crate) fn entra_at(url: &str) -> EntraClient {
    EntraClient::new(entra_config(url, EntraAuth::Secret(SECRET.into())), |_| {}).unwrap()
}

/// A client whose tenant does not exist: for what needs no network.
pub(crate) fn entra() -> EntraClient {
    entra_at("http://127.0.0.1:9")
}

/// A client whose organization does not exist: for what needs no network.
pub(crate) fn okta() -> OktaClient {
    okta_at("http://127.0.0.1:9", SECRET)
}

/// A client of the SCIM server at this address.
pub(crate) fn scim_at(base_url: &str) -> ScimClient {
    scim(base_url, SECRET)
}

/// A client of the real SCIM server.
pub(crate) fn scim_of(server: &ScimServer) -> ScimClient {
    scim(server.base_url(), server.token())
}

fn scim(base_url: &str, token: &str) -> ScimClient {
    ScimClient::new(ScimConfig { base_url: base_url.parse().unwrap(), token: token.into() }, |_| {}).unwrap()
}
