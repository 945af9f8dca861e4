//! Every refusal, by the real binary.

use axum::http::Method;
use testkit::World;

use crate::forgeries::{in_process, response};
use crate::requests::{of_every_provider, stripe, stripe_sent, stripe_signed};
use crate::{BINARY, CONSUMER, Ingress, MARKER};

#[tokio::test]
async fn each_has_its_status_and_its_word() {
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
        (404, "unknown_provider", good().to("/webhooks/pii-marker-path")),
        (404, "unknown_provider", good().to("/webhooks/%ff")),
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
    assert_eq!(ingress.send(&good()).await.0, 200, "and it goes on");
    let metrics = ingress.worker.get("metrics").await.unwrap().1;
    assert!(!ingress.worker.log().contains(MARKER) && !metrics.contains(MARKER));
    assert!(!ingress.worker.log().contains("vs_1"), "not even an ID is logged");
}

#[tokio::test]
async fn okta_s_challenge_is_answered_as_it_came() {
    let (router, _) = in_process(&[]);
    let mut challenge = stripe("vs_1").to("/webhooks/okta").with("x-okta-verification-challenge", "a\"b");
    challenge.method = Method::GET;
    let reply = crate::forgeries::answer(&router, &challenge).await;
    assert_eq!(reply, (200, r#"{"verification":"a\"b"}"#.to_owned()));
    assert_eq!(response(&router, &challenge.to("/webhooks/stripe")).await.headers()["allow"], "POST");
}

#[tokio::test]
async fn more_than_the_rate_waits() {
    let (router, bus) = in_process(&[("COPPICE_REQUESTS_PER_SECOND", "3")]);
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let reply = response(&router, &stripe("vs_1")).await;
        let waits = reply.headers().contains_key("retry-after");
        statuses.push((reply.status().as_u16(), waits));
    }
    assert_eq!(statuses[..3], [(200, false); 3]);
    assert!(statuses.contains(&(429, true)));
    assert_eq!(statuses.iter().filter(|(status, _)| *status == 200).count(), bus.published().len());
}

#[tokio::test]
async fn more_at_once_than_there_is_room_for_are_turned_away() {
    let world = World::start().await;
    let settings = [("COPPICE_MAX_REQUESTS", "2"), ("COPPICE_PUBLISH_LIMIT_MS", "5000")];
    let ingress = Ingress::start(&world, &settings).await;
    let held = world.proxy.hold("PutEvents");
    let call = || {
        let webhook = stripe("vs_1");
        let call = ingress.http.post(format!("{}{}", ingress.base, webhook.path)).body(webhook.body);
        let call = webhook.headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        tokio::spawn(async move {
            let reply = call.send().await.unwrap();
            (reply.status().as_u16(), reply.headers().contains_key("retry-after"))
        })
    };
    let taken = [call(), call()];
    let under_way = async || Ok((world.proxy.calls("PutEvents") >= 2).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "two calls to be under way", under_way).await.unwrap();
    assert_eq!(call().await.unwrap(), (503, true));
    held.release();
    for reply in taken {
        assert_eq!(reply.await.unwrap(), (200, false));
    }
    assert_eq!(call().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let world = World::start().await;
    let ingress = Ingress::start(&world, &[("COPPICE_REQUEST_LIMIT_SECS", "1")]).await;
    let mut stream =
        tokio::net::TcpStream::connect(ingress.base.trim_start_matches("http://")).await.unwrap();
    let head = "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    let read = stream.read_to_string(&mut reply);
    tokio::time::timeout(testkit::PATIENCE, read).await.unwrap().unwrap();
    assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("too_slow"), "{reply}");
}

#[tokio::test]
async fn without_a_provider_it_does_not_start_and_lists_what_would_enable_one() {
    let world = World::start().await;
    let mut worker = world.spawn_worker(BINARY, CONSUMER, &[]);
    assert_eq!(worker.exit_code().await, Some(2));
    let log = worker.log();
    assert!(log.contains("8 setting(s) missing or wrong"), "{log}");
    for name in ["AUTH0", "CONTENTFUL", "HUBSPOT", "OKTA", "PERSONA", "SCIM", "STRIPE"] {
        assert!(log.contains(&format!("COPPICE_{name}_WEBHOOK_SECRETS: is not set")), "{log}");
    }
    assert!(log.contains("COPPICE_STANDARD_WEBHOOKS_SECRETS: is not set"), "{log}");
}
