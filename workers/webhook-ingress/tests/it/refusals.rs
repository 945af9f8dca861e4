//! Every refusal by the real binary.

use axum::http::Method;
use testkit::World;

use crate::forgeries::{answer, in_process, response};
use crate::requests::{of_every_provider, stripe, stripe_sent, stripe_signed};
use crate::{BINARY, Ingress, MARKER, UNIT};

#[tokio::test]
async fn each_refusal_has_its_status_and_its_word() {
    let world = World::start().await;
    let ingress = Ingress::start(&world, &[]).await;
    let good = || stripe("vs_1");
    let mut get = good();
    get.method = Method::GET;
    let mut delete = good();
    delete.method = Method::DELETE;
    let mut changed = good();
    changed.body[20] ^= 1;
    let large = stripe_signed(&format!(r#"{{"{MARKER}":"{}"}}"#, "x".repeat(1024 * 1024)), 0);
    let mut cases = vec![
        (404, "unknown_source", good().to("/webhooks/pii-marker-path")),
        (404, "unknown_source", good().to("/webhooks/%ff")),
        (404, "not_found", good().to("/pii-marker-path")),
        (404, "not_found", good().to("/webhooks/stripe/more")),
        (405, "method", get.clone()),
        (405, "method", delete),
        (415, "content_type", good().with("content-type", "text/plain; pii-marker=1")),
        (415, "content_type", good().without("content-type")),
        (415, "content_encoding", good().with("content-encoding", "gzip")),
        (413, "too_large", large),
        (401, "signature", good().without("stripe-signature")),
        (401, "signature", good().with("stripe-signature", "pii-marker")),
        (401, "signature", changed),
        (401, "signature", good().to("/webhooks/persona")),
        (401, "time", stripe_sent("vs_1", 310)),
        (401, "time", stripe_sent("vs_1", -310)),
        (400, "unreadable", stripe_signed(r#"{"pii-marker": "#, 0)),
        (400, "unreadable", stripe_signed(r#"["pii-marker"]"#, 0)),
        (400, "challenge", get.clone().to("/webhooks/okta")),
        (400, "challenge", good().to("/webhooks/entra?validationToken=")),
        (400, "challenge", good().to("/webhooks/entra?validationToken=a%0Ab")),
        (405, "method", get.clone().to("/webhooks/entra?validationToken=a")),
        (401, "signature", good().to("/webhooks/entra?x=1")),
        (
            400,
            "challenge",
            get.clone().to("/webhooks/okta").with("x-okta-verification-challenge", "x".repeat(1025)),
        ),
    ];
    for (_, webhook) in of_every_provider() {
        let strict = webhook.headers.iter().any(|(name, _)| name == "authorization");
        let mut forged = webhook;
        match strict {
            true => forged = forged.with("authorization", "Bearer 0123456789abcdeg"),
            false if forged.has_secret_in_body() => forged = forged.with_another_secret(),
            false => forged.body.push(b' '),
        }
        cases.push((401, "signature", forged));
    }
    for (status, word, webhook) in &cases {
        let expected = (*status, format!(r#"{{"error":"{word}"}}"#));
        assert_eq!(ingress.send(webhook).await, expected, "{} {:?}", webhook.path, webhook.headers);
    }
    assert_eq!(world.proxy.calls("PutEvents"), 0);
    assert_eq!(crate::stored(&world).await, 0);
    assert_eq!(ingress.send(&good()).await.0, 200, "the process still answers");
    let counted = r#"source="stripe",reply="method""#;
    assert_eq!(ingress.worker.metric("coppice_webhooks_total", counted).await, 2.0, "of an enabled provider");
    let metrics = ingress.worker.get("metrics").await.unwrap().1;
    assert!(!ingress.worker.log().contains(MARKER) && !metrics.contains(MARKER));
    assert!(!ingress.worker.log().contains("vs_1"), "not even an ID is logged");
}

#[tokio::test]
async fn okta_s_challenge_is_returned_unchanged() {
    let world = World::start().await;
    let ingress = Ingress::start(&world, &[]).await;
    let mut challenge = stripe("vs_1").to("/webhooks/okta").with("x-okta-verification-challenge", "a\"b");
    challenge.method = Method::GET;
    assert_eq!(ingress.send(&challenge).await, (200, r#"{"verification":"a\"b"}"#.to_owned()));
    let counted = r#"source="okta",reply="challenge_answered""#;
    assert_eq!(ingress.worker.metric("coppice_webhooks_total", counted).await, 1.0);
    let (router, _) = in_process(&[]);
    assert_eq!(response(&router, &challenge.to("/webhooks/stripe")).await.headers()["allow"], "POST");
}

#[tokio::test]
async fn entra_s_challenge_is_returned_decoded_as_plain_text() {
    let (router, bus) = in_process(&[]);
    let path = "/webhooks/entra?validationToken=Validation%3a+Testing%20client+%3Cb%3E";
    let mut challenge = stripe("vs_1").to(path).with("content-type", "text/plain; charset=utf-8");
    challenge.body.clear();
    let reply = response(&router, &challenge).await;
    assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer(&router, &challenge).await, (200, "Validation: Testing client <b>".to_owned()));
    let other = challenge.to("/webhooks/okta?validationToken=a");
    assert_eq!(answer(&router, &other).await.0, 415, "it is Entra's alone");
    assert_eq!(bus.calls(), 0);
}

#[tokio::test]
async fn without_webhooks_it_does_not_start_and_lists_the_sources_that_could_send_some() {
    let world = World::start().await;
    let mut worker = world.spawn_worker(BINARY, UNIT, &[]);
    assert_eq!(worker.exit_code().await, Some(2));
    let log = worker.log();
    assert!(log.contains("1 setting(s) missing or wrong"), "{log}");
    assert!(log.contains("Sources that can send some: auth0, stripe"), "{log}");
}
