//! The limits of a provider's requests. No other sender can use them up.

use local_stack::wait_until;
use testkit::{PATIENCE, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Ingress;
use crate::forgeries::{answer, in_process, response};
use crate::requests::{auth0, of_every_provider, persona, stripe};

impl Ingress {
    /// A connection on which this part of a request was sent.
    pub(crate) async fn begin(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.base.trim_start_matches("http://")).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// Everything that a connection receives until the other side closes it.
pub(crate) async fn rest(mut stream: TcpStream) -> String {
    let mut reply = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    reply
}

/// A head, and a hundredth of the body that it promises.
fn unfinished(provider: &str, more: &str) -> String {
    format!(
        "POST /webhooks/{provider} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{more}\
         content-length: 100\r\n\r\n{{"
    )
}

#[tokio::test]
async fn requests_above_the_rate_are_to_be_sent_again() {
    let (router, bus) = in_process(&[("COPPICE_REQUESTS_PER_SECOND", "3")]);
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let reply = response(&router, &stripe("vs_1")).await;
        let waits = reply.headers().contains_key("retry-after");
        statuses.push((reply.status().as_u16(), waits));
    }
    assert_eq!(statuses[..3], [(200, false); 3]);
    // Auth0 takes every 4XX as final, 429 too.
    assert!(statuses[3..].iter().all(|status| [(200, false), (503, true)].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&(503, true)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|(status, _)| *status == 200).count(), bus.published().len());
}

#[tokio::test]
async fn a_flood_of_forgeries_uses_up_no_provider_s_rate() {
    let (router, _) = in_process(&[("COPPICE_REQUESTS_PER_SECOND", "3")]);
    for (_, webhook) in of_every_provider() {
        let mut forged = webhook.clone();
        for (name, value) in &mut forged.headers {
            if name.contains("signature") || name == "authorization" {
                *value = "Bearer 0123456789abcdeg".to_owned();
            }
        }
        if forged.has_secret_in_body() {
            forged = forged.with_another_secret();
        }
        for _ in 0..50 {
            assert_eq!(answer(&router, &forged).await.0, 401, "{}", webhook.path);
        }
        assert_eq!(answer(&router, &webhook).await.0, 200, "{}", webhook.path);
    }
}

#[tokio::test]
async fn requests_above_the_number_of_places_are_refused() {
    let world = World::start().await;
    let settings = [("COPPICE_MAX_REQUESTS", "2"), ("COPPICE_PUBLISH_LIMIT_MS", "5000")];
    let ingress = Ingress::start(&world, &settings).await;
    let gate = world.proxy.hold("PutEvents");
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
    wait_until(PATIENCE, "two calls to be under way", under_way).await.unwrap();
    assert_eq!(call().await.unwrap(), (503, true));
    let counted = r#"source="stripe",reply="busy""#;
    assert_eq!(ingress.worker.metric("coppice_webhooks_total", counted).await, 1.0);
    gate.release();
    for reply in taken {
        assert_eq!(reply.await.unwrap(), (200, false));
    }
    assert_eq!(call().await.unwrap().0, 200);
}

#[tokio::test]
async fn slow_senders_to_one_provider_do_not_delay_another() {
    let world = World::start().await;
    let settings = [
        ("COPPICE_MAX_REQUESTS", "2"),
        ("COPPICE_BODY_LIMIT_SECS", "60"),
        ("COPPICE_REQUEST_LIMIT_SECS", "60"),
    ];
    let ingress = Ingress::start(&world, &settings).await;
    // A request may come while the check has the place, and be refused. Then the next one gets it.
    let mut slow = Vec::new();
    let full = async || {
        slow.push(ingress.begin(&unfinished("stripe", "")).await);
        Ok((ingress.send(&stripe("vs_1")).await.0 == 503).then_some(()))
    };
    wait_until(PATIENCE, "the slow senders to have the room", full).await.unwrap();
    assert_eq!(ingress.send(&persona("inq_1")).await.0, 200);

    // A sender without the secret is refused before its body is read, so that it gets no place to be slow in.
    let strangers = ["auth0", "auth0", "okta", "okta", "scim", "scim"];
    for provider in strangers {
        let reply = rest(ingress.begin(&unfinished(provider, "authorization: Bearer wrong\r\n")).await).await;
        assert!(reply.starts_with("HTTP/1.1 401"), "{provider}: {reply}");
    }
    assert_eq!(ingress.send(&auth0("auth0|1")).await.0, 200);
    drop(slow);
    let free = async || Ok((ingress.send(&stripe("vs_1")).await.0 == 200).then_some(()));
    wait_until(PATIENCE, "the room to be free again", free).await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    let world = World::start().await;
    let ingress = Ingress::start(&world, &[("COPPICE_BODY_LIMIT_SECS", "1")]).await;
    let reply = rest(ingress.begin(&unfinished("stripe", "")).await).await;
    assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("too_slow"), "{reply}");
    let counted = r#"source="stripe",reply="too_slow""#;
    assert_eq!(ingress.worker.metric("coppice_webhooks_total", counted).await, 1.0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off_and_the_next_connection_is_accepted() {
    let world = World::start().await;
    let settings = [("COPPICE_HEAD_LIMIT_SECS", "1"), ("COPPICE_MAX_CONNECTIONS", "2")];
    let ingress = Ingress::start(&world, &settings).await;
    let silent = ingress.begin("").await;
    let half_sent = ingress.begin("POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\n").await;
    assert_eq!(ingress.send(&stripe("vs_1")).await.0, 200);
    // The process may close these connections with or without a reply: it does not matter.
    assert!(!rest(silent).await.contains("200"));
    assert!(!rest(half_sent).await.contains("200"));
}

#[tokio::test]
async fn a_silent_connection_does_not_delay_the_stop() {
    let world = World::start().await;
    let mut ingress = Ingress::start(&world, &[]).await;
    let silent = ingress.begin("").await;
    let half_sent = ingress.begin("POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\n").await;
    assert_eq!(ingress.send(&stripe("vs_1")).await.0, 200, "those before it have been taken too");
    assert_eq!(ingress.worker.stop().await, Some(0));
    drop((silent, half_sent));
}
