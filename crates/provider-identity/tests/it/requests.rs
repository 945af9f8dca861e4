//! The requests to each vendor, word for word.

use provider_identity::{IdentityClient, IdentityProvider, PersonaConfig, StripeConfig};
use serde_json::{Value, json};

use crate::clients::{Make, SECRET, persona, record, stripe};
use provider_http::test_server::{Asked, noting};

/// Fetches a case and pings, at a server that has something for both.
async fn asked(make: Make, mut record: Value, place: &str, id: &str) -> Asked {
    *record.pointer_mut(place).unwrap() = json!(id);
    let (url, asked) = noting(record.clone()).await;
    make(&url).fetch_case(id).await.unwrap();
    record["data"] = json!([]);
    let (url, pinged) = noting(record).await;
    make(&url).ping().await.unwrap();
    let (fetches, pings) = (asked.paths(), pinged.paths());
    assert_eq!((fetches.len(), pings.len()), (1, 1));
    asked.and(&pinged)
}

#[tokio::test]
async fn the_request_to_stripe_names_the_session_and_its_outputs() {
    let asked = asked(stripe, record("stripe-session"), "/id", "vs_1/../x").await;
    let sessions = "/v1/identity/verification_sessions";
    let expected =
        [format!("{sessions}/vs_1%2F..%2Fx?expand%5B%5D=verified_outputs"), format!("{sessions}?limit=1")];
    assert_eq!(asked.paths(), expected);
    assert_eq!(asked.header("authorization"), [format!("Bearer {SECRET}"), format!("Bearer {SECRET}")]);
}

#[tokio::test]
async fn the_request_to_persona_names_a_version_and_a_spelling() {
    let asked = asked(persona, record("persona-inquiry-snake"), "/data/id", "inq_1").await;
    assert_eq!(asked.paths(), ["/api/v1/inquiries/inq_1", "/api/v1/inquiries?page%5Bsize%5D=1"]);
    assert_eq!(asked.header("authorization"), [format!("Bearer {SECRET}"), format!("Bearer {SECRET}")]);
    assert_eq!(asked.header("persona-version"), ["2023-01-05", "2023-01-05"]);
    assert_eq!(asked.header("key-inflection"), ["snake", "snake"]);
}

#[test]
fn a_base_url_is_a_web_address() {
    for (url, good) in [
        (StripeConfig::DEFAULT_BASE_URL, true),
        (PersonaConfig::DEFAULT_BASE_URL, true),
        ("mailto:a@b", false),
    ] {
        let config = StripeConfig {
            base_url: url.parse().unwrap(),
            api_key: SECRET.into(),
            account: None,
            date_of_birth: false,
        };
        assert_eq!(provider_identity::StripeClient::new(config, |_| {}).is_ok(), good, "{url}");
        let config = PersonaConfig { base_url: url.parse().unwrap(), api_key: SECRET.into() };
        assert_eq!(provider_identity::PersonaClient::new(config, |_| {}).is_ok(), good, "{url}");
    }
}

#[test]
fn each_source_has_its_stable_name() {
    let sources = |client: IdentityClient| client.source();
    assert_eq!((sources(stripe("https://a")), sources(persona("https://a"))), ("stripe", "persona"));
}
