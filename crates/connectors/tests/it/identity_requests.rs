//! The requests to each vendor, word for word.

use serde_json::{Value, json};

use provider_http::test_server::{Asked, noting};

use crate::fixtures::{Make, SECRET, persona_at, record, stripe_at};

/// Fetches a case and pings, at a server that has something for both.
async fn asked(make: Make, mut record: Value, place: &str, id: &str) -> Asked {
    *record.pointer_mut(place).unwrap() = json!(id);
    let (url, asked) = noting(record.clone()).await;
    make(&url).fetch(id, None).await.unwrap();
    record["data"] = json!([]);
    let (url, pinged) = noting(record).await;
    make(&url).ping().await.unwrap();
    let (fetches, pings) = (asked.paths(), pinged.paths());
    assert_eq!((fetches.len(), pings.len()), (1, 1));
    asked.and(&pinged)
}

#[tokio::test]
async fn the_request_to_stripe_names_the_session_and_its_outputs() {
    let asked = asked(stripe_at, record("stripe/session"), "/id", "vs_1/../x").await;
    let sessions = "/v1/identity/verification_sessions";
    let expected =
        [format!("{sessions}/vs_1%2F..%2Fx?expand%5B%5D=verified_outputs"), format!("{sessions}?limit=1")];
    assert_eq!(asked.paths(), expected);
    assert_eq!(asked.header("authorization"), [format!("Bearer {SECRET}"), format!("Bearer {SECRET}")]);
}

#[tokio::test]
async fn the_request_to_persona_names_a_version_and_a_spelling() {
    let asked = asked(persona_at, record("persona/inquiry-snake"), "/data/id", "inq_1").await;
    assert_eq!(asked.paths(), ["/api/v1/inquiries/inq_1", "/api/v1/inquiries?page%5Bsize%5D=1"]);
    assert_eq!(asked.header("authorization"), [format!("Bearer {SECRET}"), format!("Bearer {SECRET}")]);
    assert_eq!(asked.header("persona-version"), ["2023-01-05", "2023-01-05"]);
    assert_eq!(asked.header("key-inflection"), ["snake", "snake"]);
}
