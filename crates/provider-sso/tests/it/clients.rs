//! A client of each kind, with a short time-out, for the promises that all of them keep.

use std::sync::LazyLock;
use std::time::Duration;

use provider_http::{ProviderHttpConfig, TestKey, pem};
use provider_sso::auth0::Auth0Config;
use provider_sso::okta::{OktaAuth, OktaConfig};
use provider_sso::scim::ScimConfig;
use provider_sso::{Auth0Client, EntraAuth, EntraClient, OktaClient, ScimClient, SsoClient};

use crate::fixtures::{SECRET, entra_config};

/// Signs assertions that only tests accept.
static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

fn short(limits: &mut ProviderHttpConfig) {
    limits.timeout = Duration::from_millis(300);
}

/// An operator may print the settings.
fn shows_no_secret(config: &impl std::fmt::Debug) {
    let text = format!("{config:?}");
    assert!(!text.contains(SECRET) && !text.contains("PRIVATE KEY"), "{text}");
}

pub(crate) fn auth0(url: &str) -> SsoClient {
    let config = Auth0Config {
        domain: url.parse().unwrap(),
        client_id: "coppice-client".into(),
        client_secret: SECRET.into(),
        audience: None,
        sign_ins: provider_sso::SignInTypes::default(),
    };
    shows_no_secret(&config);
    SsoClient::Auth0(Auth0Client::new(config, short).unwrap())
}

pub(crate) fn entra(url: &str) -> SsoClient {
    entra_with(url, EntraAuth::Secret(SECRET.into()))
}

pub(crate) fn entra_certificate(url: &str) -> SsoClient {
    let key_pem = KEY.private_pem.as_str().into();
    entra_with(url, EntraAuth::Certificate { key_pem, certificate_pem: pem("CERTIFICATE", b"certificate") })
}

fn entra_with(url: &str, auth: EntraAuth) -> SsoClient {
    let config = entra_config(url, auth);
    shows_no_secret(&config);
    SsoClient::Entra(EntraClient::new(config, short).unwrap())
}

pub(crate) fn okta(url: &str) -> SsoClient {
    okta_with(url, OktaAuth::ApiToken(SECRET.into()))
}

pub(crate) fn okta_service_app(url: &str) -> SsoClient {
    okta_with(
        url,
        OktaAuth::PrivateKey { client_id: "coppice-client".into(), key_pem: KEY.private_pem.as_str().into() },
    )
}

fn okta_with(url: &str, auth: OktaAuth) -> SsoClient {
    let config = OktaConfig { org_url: url.parse().unwrap(), auth };
    shows_no_secret(&config);
    SsoClient::Okta(OktaClient::new(config, short).unwrap())
}

pub(crate) fn scim(url: &str) -> SsoClient {
    let config = ScimConfig { base_url: url.parse().unwrap(), token: SECRET.into() };
    shows_no_secret(&config);
    SsoClient::Scim(ScimClient::new(config, short).unwrap())
}
