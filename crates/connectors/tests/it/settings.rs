//! The settings of each connector, as `coppice.toml` has them, with the secrets' texts in their places.

use std::collections::BTreeSet;
use std::fmt::Debug;

use connectors::{
    Auth0Config, ConnectError, EntraAuth, EntraConfig, HubSpotConfig, Limits, Mapping, OktaAuth, OktaConfig,
    PersonaConfig, SalesforceAuth, SalesforceConfig, ScimConfig, StripeConfig, connector,
};
use provider_http::TestKey;
use provider_http::test_server::noting;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fixtures::{SECRET, record, shows_no_secret};

const TENANT: &str = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5";

/// The least that each connector needs, and the keys of it that are required.
fn least(connector: &str) -> (Value, &'static [&'static str]) {
    match connector {
        "auth0" => (
            json!({"url": "https://bayside.auth0.example", "client_id": "c", "client_secret": SECRET}),
            &["url", "client_id", "client_secret"],
        ),
        "entra" => (
            json!({"tenant_id": TENANT, "client_id": "c", "client_secret": SECRET}),
            &["tenant_id", "client_id"],
        ),
        "okta" => (json!({"url": "https://bayside.okta.example", "api_token": SECRET}), &["url"]),
        "scim" => (json!({"url": "https://idp.example/scim/v2", "token": SECRET}), &["url", "token"]),
        "salesforce" => (
            json!({"url": "https://orchard.example", "client_id": "c", "client_secret": SECRET}),
            &["url", "client_id"],
        ),
        "hubspot" => (json!({ "token": SECRET }), &["token"]),
        "rest" => (
            json!({"url": "https://benefits.example", "auth": {"kind": "none"}, "fetch": {"path": "/{id}"},
                "ping": "/up", "map": {}}),
            &["url", "auth", "fetch", "map"],
        ),
        "stripe" | "persona" => (json!({"api_key": SECRET}), &["api_key"]),
        "handed-over" => (json!({}), &[]),
        other => panic!("{other} has no settings here"),
    }
}

/// Those that are called at a URL, with a credential.
fn called() -> impl Iterator<Item = &'static connectors::Connector> {
    connectors::CONNECTORS.iter().copied().filter(|known| !known.is_handed_over())
}

/// The error of settings that the connector refuses, both when they are checked and when a client is made.
fn refusal(name: &str, settings: &Value) -> String {
    let connector = connector(name).unwrap();
    let [checked] = &(connector.check)(settings)[..] else { panic!("{name} has one fault: {settings}") };
    let Err(connected) = (connector.connect)(settings, Mapping::default(), Limits::default()) else {
        panic!("{name} connects: {settings}")
    };
    assert_eq!(checked.message, connected.to_string());
    assert!(matches!(connected, ConnectError::Settings(_)), "{connected:?}");
    let text = format!("{checked:?} {connected:?}");
    assert!(!text.contains(SECRET) && !text.contains("mara"), "{text}");
    checked.message.clone()
}

/// The settings that lead to this address.
fn at(name: &str, url: &str) -> Value {
    let address = match name {
        "entra" => json!({"graph_url": url, "login_url": url}),
        _ => json!({ "url": url }),
    };
    with(least(name).0, address)
}

/// The settings with this in addition, or instead.
fn with(mut settings: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more} is no table") };
    settings.as_object_mut().unwrap().extend(more);
    settings
}

fn without(mut settings: Value, key: &str) -> Value {
    settings.as_object_mut().unwrap().remove(key);
    settings
}

fn read<T: DeserializeOwned + Debug>(settings: Value) -> T {
    let read: T = serde_json::from_value(settings).unwrap();
    shows_no_secret(&format!("{read:?}"));
    read
}

/// The reference of `coppice.toml` is made from these descriptions.
#[test]
fn every_setting_is_described_and_the_schema_requires_what_the_reader_does() {
    for known in connectors::CONNECTORS {
        let schema = (known.settings)(&mut schemars::SchemaGenerator::default());
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let described =
                property.get("description").is_some_and(|text| !text.as_str().unwrap().is_empty());
            assert!(described, "{}: {name}", known.name);
        }
        let required = schema.get("required").cloned().unwrap_or(json!([]));
        let expected: BTreeSet<&str> = least(known.name).1.iter().copied().collect();
        let required: BTreeSet<&str> =
            required.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(required, expected, "{}", known.name);
        assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{}", known.name);
    }
}

#[test]
fn each_connector_connects_with_the_least_that_it_needs() {
    for known in connectors::CONNECTORS {
        let (settings, _) = least(known.name);
        assert_eq!((known.check)(&settings), [], "{}", known.name);
        assert!((known.connect)(&settings, Mapping::default(), Limits::default()).is_ok(), "{}", known.name);
    }
}

#[test]
fn a_key_that_is_missing_or_unknown_is_named() {
    for known in connectors::CONNECTORS {
        let (settings, required) = least(known.name);
        for key in required {
            let error = refusal(known.name, &without(settings.clone(), key));
            assert_eq!(error, format!("missing field `{key}`"), "{}", known.name);
        }
        let error = refusal(known.name, &with(settings.clone(), json!({"clientid": "mara"})));
        assert!(error.starts_with("unknown field `clientid`, "), "{}: {error}", known.name);
        for key in required {
            assert!(error.contains(&format!("`{key}`")), "{}: {error}", known.name);
        }
    }
}

#[test]
fn a_value_of_another_form_is_refused_and_a_secret_is_not_repeated() {
    for known in called() {
        let (settings, _) = least(known.name);
        let error = refusal(known.name, &at(known.name, "bayside"));
        assert!(error.starts_with("relative URL without a base"), "{}: {error}", known.name);
        let secret = settings.as_object().unwrap().iter().find(|(_, value)| **value == SECRET);
        let Some((name, _)) = secret else {
            assert_eq!(known.name, "rest", "each other has a secret of its own");
            continue;
        };
        for odd in [json!(7), json!(["x"]), json!({"secret": "x"})] {
            let error = refusal(known.name, &with(settings.clone(), json!({ name: odd })));
            assert!(error.starts_with("invalid type: "), "{}: {error}", known.name);
        }
    }
}

#[test]
fn a_url_is_a_web_address() {
    for known in called() {
        let connect = |url: &str, plain_http| {
            let limits = Limits { plain_http, ..Limits::default() };
            (known.connect)(&at(known.name, url), Mapping::default(), limits).map(drop)
        };
        assert!(matches!(connect("mailto:a@b", false), Err(ConnectError::Client(_))), "{}", known.name);
        assert!(matches!(connect("http://a.example", false), Err(ConnectError::Client(_))), "{}", known.name);
        assert!(connect("http://a.example", true).is_ok(), "{}", known.name);
        assert!(connect("http://127.0.0.1:9", false).is_ok(), "{}", known.name);
    }
}

#[test]
fn no_settings_show_a_secret() {
    read::<Auth0Config>(least("auth0").0);
    read::<EntraConfig>(least("entra").0);
    read::<HubSpotConfig>(least("hubspot").0);
    read::<OktaConfig>(least("okta").0);
    read::<ScimConfig>(least("scim").0);
    read::<SalesforceConfig>(least("salesforce").0);
    read::<StripeConfig>(least("stripe").0);
    read::<PersonaConfig>(least("persona").0);
    let key = TestKey::generate();
    let app = json!({"url": "https://a.example", "client_id": "c", "private_key": key.private_pem});
    read::<OktaConfig>(app.clone());
    read::<SalesforceConfig>(with(app, json!({"username": "sync@orchard.example"})));
}

#[test]
fn auth0_counts_the_usual_sign_ins_unless_others_are_chosen() {
    let (settings, _) = least("auth0");
    assert_eq!(read::<Auth0Config>(settings.clone()).sign_ins, connectors::SignInTypes::default());
    let chosen = with(settings.clone(), json!({"sign_ins": ["ssa"]}));
    assert_eq!((connector("auth0").unwrap().check)(&chosen), []);
    for wrong in [json!([]), json!(["mara"]), json!(["s", "S"])] {
        let error = refusal("auth0", &with(settings.clone(), json!({ "sign_ins": wrong })));
        assert_eq!(error, "sign_ins must be some of s, scoa, sens, sepft, ssa and sertft");
    }
}

const NEITHER: &str = "set api_token, or client_id and private_key of a service app";
const BOTH: &str =
    "api_token is set together with a service app: leave out api_token, or client_id and private_key";

#[test]
fn okta_takes_a_token_or_a_whole_service_app_and_never_both() {
    let app = json!({"url": "https://bayside.okta.example", "client_id": "0oaBayside", "private_key": "pem"});
    let OktaConfig { auth: OktaAuth::PrivateKey { client_id, .. }, .. } = read(app.clone()) else {
        panic!("another way")
    };
    assert_eq!(client_id, "0oaBayside");
    assert!(matches!(read(least("okta").0), OktaConfig { auth: OktaAuth::ApiToken(_), .. }));
    let token = json!({ "api_token": SECRET });
    for (settings, error) in [
        (json!({"url": "https://bayside.okta.example"}), NEITHER),
        (without(app.clone(), "private_key"), "client_id needs private_key"),
        (without(app.clone(), "client_id"), "private_key needs client_id"),
        (with(app.clone(), token.clone()), BOTH),
        (with(without(app.clone(), "private_key"), token.clone()), BOTH),
        (with(without(app, "client_id"), token), BOTH),
    ] {
        assert_eq!(refusal("okta", &settings), error, "{settings}");
    }
}

#[test]
fn entra_takes_a_secret_or_a_whole_certificate_and_never_both() {
    let (secret, _) = least("entra");
    assert!(matches!(read(secret.clone()), EntraConfig { auth: EntraAuth::Secret(_), .. }));
    let pair = json!({"private_key": "pem", "certificate": "pem"});
    let certificate = with(without(secret.clone(), "client_secret"), pair);
    assert!(matches!(read(certificate.clone()), EntraConfig { auth: EntraAuth::Certificate { .. }, .. }));
    let both = "client_secret is set together with a certificate: leave out client_secret, or private_key and certificate";
    for (settings, error) in [
        (without(secret.clone(), "client_secret"), "set client_secret, or private_key and certificate"),
        (without(certificate.clone(), "certificate"), "private_key needs certificate"),
        (without(certificate.clone(), "private_key"), "certificate needs private_key"),
        (with(certificate, json!({ "client_secret": SECRET })), both),
        (with(secret.clone(), json!({"tenant_id": "bayside.example"})), "tenant_id is not a GUID"),
        (
            with(secret, json!({"graph_url": "https://graph.microsoft.us"})),
            "login_url is of another cloud than graph_url",
        ),
    ] {
        assert_eq!(refusal("entra", &settings), error, "{settings}");
    }
}

#[test]
fn the_account_and_the_key_of_hubspot_have_their_forms() {
    let (settings, _) = least("hubspot");
    let config: HubSpotConfig = read(settings.clone());
    assert_eq!(config.url.as_str(), "https://api.hubapi.com/");
    assert_eq!((config.portal, config.key_property.as_str()), (None, "coppice_person_key"));
    let own = json!({"portal": "62515", "key_property": "member_no"});
    let config: HubSpotConfig = read(with(settings.clone(), own));
    assert_eq!((config.portal.as_deref(), config.key_property.as_str()), (Some("62515"), "member_no"));
    for (own, error) in [
        (json!({"portal": "mara"}), "portal must be the ID of an account, digits"),
        (
            json!({"key_property": "Person Key"}),
            "key_property must be the internal name of a property: lower-case letters, digits and underscores",
        ),
    ] {
        assert_eq!(refusal("hubspot", &with(settings.clone(), own)), error);
    }
}

#[test]
fn salesforce_takes_a_secret_or_a_key_of_a_user() {
    let (secret, _) = least("salesforce");
    let config: SalesforceConfig = read(secret.clone());
    assert!(matches!(config.auth, SalesforceAuth::ClientCredentials { .. }));
    assert_eq!((config.login_url, config.organization), (config.url, None));
    let key = with(without(secret.clone(), "client_secret"), json!({"private_key": "pem"}));
    let user = json!({"username": "sync@orchard.example"});
    let signed = with(key.clone(), user.clone());
    let login = json!({"login_url": "https://login.salesforce.com"});
    let config: SalesforceConfig = read(with(signed.clone(), login));
    assert_eq!(config.login_url.as_str(), "https://login.salesforce.com/");
    let SalesforceAuth::JwtBearer { audience, username, .. } = config.auth else { panic!("another flow") };
    assert_eq!(
        (audience.as_str(), username.as_str()),
        ("https://login.salesforce.com", "sync@orchard.example")
    );
    let sandbox = json!({"audience": "https://test.salesforce.com"});
    let config: SalesforceConfig = read(with(signed.clone(), sandbox.clone()));
    assert!(
        matches!(config.auth, SalesforceAuth::JwtBearer { audience, .. } if audience == "https://test.salesforce.com")
    );
    for (settings, error) in [
        (without(secret.clone(), "client_secret"), "set client_secret, or private_key and username"),
        (
            with(secret.clone(), json!({"private_key": "pem"})),
            "client_secret and private_key are both set: leave out one of them",
        ),
        (
            with(signed, json!({ "client_secret": SECRET })),
            "client_secret and private_key are both set: leave out one of them",
        ),
        (key, "private_key needs username"),
        (with(secret.clone(), user), "username and audience need private_key"),
        (with(secret, sandbox), "username and audience need private_key"),
    ] {
        assert_eq!(refusal("salesforce", &settings), error, "{settings}");
    }
}

#[test]
fn the_organization_of_salesforce_is_an_id_of_one() {
    let (settings, _) = least("salesforce");
    for good in ["00D9x000000OrchEAK", "00D9x000000Orch"] {
        let config: SalesforceConfig = read(with(settings.clone(), json!({ "organization": good })));
        assert_eq!(config.organization.as_deref(), Some(good));
    }
    for wrong in ["", "00D", "0037Q00000HbKmTQAV", "mara"] {
        let error = refusal("salesforce", &with(settings.clone(), json!({ "organization": wrong })));
        assert_eq!(error, "organization must be the ID of an organization, 00D…", "{wrong}");
    }
}

/// Settings of Stripe at a server that has a session, and the requests that it got.
async fn fetched_with(more: Value) -> provider_http::test_server::Asked {
    let mut session = record("stripe/session");
    session["id"] = json!("vs_1");
    let (url, asked) = noting(session).await;
    let settings = with(with(least("stripe").0, json!({ "url": url })), more);
    let client =
        (connector("stripe").unwrap().connect)(&settings, Mapping::default(), Limits::default()).unwrap();
    client.fetch("vs_1", None).await.unwrap();
    asked
}

#[tokio::test]
async fn a_connected_account_of_stripe_is_named_in_each_request() {
    let asked = fetched_with(json!({"account": "acct_1Connected7"})).await;
    assert_eq!(asked.header("stripe-account"), ["acct_1Connected7"]);
    let own = fetched_with(json!({})).await;
    assert_eq!(own.each(|request| request.headers().contains_key("stripe-account")), [false]);
    for wrong in ["", "acct", "1Connected7", "acct_1\n", "acct_1 acct_2"] {
        let error = refusal("stripe", &with(least("stripe").0, json!({ "account": wrong })));
        assert_eq!(error, "account must be the ID of an account, acct_…", "{wrong:?}");
    }
}

#[tokio::test]
async fn the_date_of_birth_is_requested_separately_and_only_if_the_setting_says_so() {
    let outputs = "/v1/identity/verification_sessions/vs_1?expand%5B%5D=verified_outputs";
    for (more, expected) in [
        (json!({}), outputs.to_owned()),
        (json!({"date_of_birth": false}), outputs.to_owned()),
        (json!({"date_of_birth": true}), format!("{outputs}&expand%5B%5D=verified_outputs.dob")),
    ] {
        assert_eq!(fetched_with(more).await.paths(), [expected]);
    }
    let error = refusal("stripe", &with(least("stripe").0, json!({"date_of_birth": "yes"})));
    assert!(error.starts_with("invalid type: string"), "{error}");
}

/// What each connector reads at most unless its source says something else.
#[tokio::test]
async fn a_reply_of_the_usual_size_is_read_without_a_setting() {
    const MIB: usize = 1024 * 1024;
    for (name, most) in [
        ("auth0", 4 * MIB),
        ("entra", 4 * MIB),
        ("okta", 4 * MIB),
        ("scim", 4 * MIB),
        ("salesforce", 8 * MIB),
        ("hubspot", 8 * MIB),
        ("stripe", MIB),
        ("persona", MIB),
    ] {
        for (size, read) in [(most, true), (most + 1, false)] {
            let list = match name {
                "auth0" | "okta" => "[]",
                _ => r#"{"totalResults":0,"Resources":[],"data":[],"results":[],"value":[]}"#,
            };
            let body = format!("{list}{}", " ".repeat(size - list.len()));
            let url = provider_http::test_server::answering(200, &[], body).await;
            let settings = at(name, &url);
            let pinged = (connector(name).unwrap().connect)(&settings, Mapping::default(), Limits::default())
                .unwrap()
                .ping()
                .await;
            assert_eq!(pinged.is_ok(), read, "{name} {size}: {pinged:?}");
        }
    }
}

/// Both vendors have one address for all accounts.
#[test]
fn the_address_of_stripe_and_persona_may_be_left_out() {
    assert_eq!(read::<StripeConfig>(least("stripe").0).url.as_str(), "https://api.stripe.com/");
    assert_eq!(read::<PersonaConfig>(least("persona").0).url.as_str(), "https://api.withpersona.com/");
}

#[tokio::test]
async fn the_limits_of_a_source_are_those_of_its_client() {
    let settings = with(least("auth0").0, json!({"url": provider_http::test_server::silent().await}));
    let connect =
        |limits| (connector("auth0").unwrap().connect)(&settings, Mapping::default(), limits).unwrap();
    let timeout = Some(std::time::Duration::from_millis(50));
    let client = connect(Limits { timeout, ..Limits::default() });
    assert!(matches!(client.ping().await, Err(connectors::ProviderError::Unavailable { .. })));
    let url = provider_http::test_server::answering(200, &[], format!("[{}]", " ".repeat(2000))).await;
    let settings = with(least("auth0").0, json!({ "url": url }));
    let connect =
        |limits| (connector("auth0").unwrap().connect)(&settings, Mapping::default(), limits).unwrap();
    assert_eq!(connect(Limits::default()).ping().await, Ok(()));
    let small = connect(Limits { max_body_bytes: Some(1000), ..Limits::default() });
    assert!(matches!(small.ping().await, Err(connectors::ProviderError::TooLarge { .. })));
}
