//! Webhooks whose form and signature the file describes.

use axum::http::Method;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::{Setup, World};
use time::OffsetDateTime;

use crate::requests::{SECRET, Webhook};
use crate::{Ingress, MARKER, bodies_of};

const BENEFITS: &str = r#"
[sources.benefits]
role = "registry"
connector = "rest"
url = "https://benefits.example"
auth = { kind = "none" }
ping = "/up"
fetch = { path = "/people/{id}" }
map.email = "$.email"
webhook_secrets = [{ secret = "replaced" }, { secret = "signing" }]

[sources.benefits.events]
id = "$.changes[*].person"
removed = "$.kind == 'left'"
webhook = { scheme = "hmac-sha256", header = "X-Benefits-Signature", prefix = "v1=", timestamp_header = "X-Benefits-Time" }
"#;

fn digest(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn webhook(body: &str, sent_at: i64) -> Webhook {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("x-benefits-time", sent_at.to_string()),
        ("x-benefits-signature", format!("v1={}", digest(&format!("{sent_at}.{body}")))),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Webhook { method: Method::POST, path: "/webhooks/benefits".to_owned(), headers, body: body.into() }
}

#[tokio::test]
async fn a_described_webhook_is_proven_by_its_own_header_and_its_ids_alone_reach_the_queue() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(BENEFITS)).await;
    let ingress = Ingress::start(&world, &[("COPPICE_CONFIG", BENEFITS)]).await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let body =
        format!(r#"{{"kind":"left","changes":[{{"person":7,"name":"{MARKER}"}},{{"person":"B-8"}}]}}"#);
    assert_eq!(ingress.send(&webhook(&body, now)).await.0, 200);
    let arrived = bodies_of(&world, "registry-sync-benefits", 1).await;
    let event: Value = serde_json::from_str(&arrived[0]).unwrap();
    assert_eq!(event["detail"], json!({"ids": ["7", "B-8"], "change": "deleted"}));

    let other_body = Webhook { body: body.replace('7', "9").into(), ..webhook(&body, now) };
    for (refused, status) in [
        (other_body, 401),
        (webhook(&body, now).without("x-benefits-signature"), 401),
        (webhook(&body, now).with("x-benefits-time", (now - 1).to_string()), 401),
        (webhook(&body, now - 301), 401),
        (webhook(&format!(r#"{{"changes":[{{"name":"{MARKER}"}}]}}"#), now), 400),
    ] {
        let (answer, text) = ingress.send(&refused).await;
        assert_eq!(answer, status, "{text}");
        assert!(!text.contains(MARKER));
    }
    assert_eq!(world.queue_depth("registry-sync-benefits").await.0, 0);
    assert!(!ingress.worker.log().contains(MARKER));
}
