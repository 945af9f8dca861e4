//! Thousands of requests that are almost right: none is published, none gets a 2xx, and none stops the process.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use event_bus::RecordingBus;
use futures::future::join_all;
use postgres_store::Store;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use settings::Reader;
use testkit::World;
use tower::ServiceExt;
use webhook_ingress::{IngressSettings, Intake, router};

use crate::requests::{Webhook, of_every_provider, stripe};
use crate::{ACCEPTED, Ingress, MARKER};

pub(crate) fn router_of(bus: RecordingBus, store: Store, settings: &[(&str, &str)]) -> Router {
    let all = ACCEPTED.iter().chain(settings);
    let reader = Reader::from_variables(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let settings: IngressSettings = reader.load().unwrap();
    router(settings, Intake::new(bus, store))
}

/// The HTTP side alone, with a bus that records, and no database.
pub(crate) fn in_process(settings: &[(&str, &str)]) -> (Router, RecordingBus) {
    let bus = RecordingBus::default();
    let nowhere = Store::open(&"postgres://coppice@127.0.0.1:1/none".to_owned().into(), 2).unwrap();
    (router_of(bus.clone(), nowhere, settings), bus)
}

pub(crate) async fn response(router: &Router, webhook: &Webhook) -> Response<Body> {
    let mut request = Request::builder().method(webhook.method.clone()).uri(&webhook.path);
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    router.clone().oneshot(request.body(Body::from(webhook.body.clone())).unwrap()).await.unwrap()
}

/// Status and body of the reply.
pub(crate) async fn answer(router: &Router, webhook: &Webhook) -> (u16, String) {
    let reply = response(router, webhook).await;
    let status = reply.status().as_u16();
    let body = axum::body::to_bytes(reply.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A real request with one fault: in its proof, or in what the proof covers.
fn forged(random: &mut StdRng) -> Webhook {
    let mut all = of_every_provider();
    let mut webhook = all.swap_remove(random.random_range(0..all.len())).1;
    if webhook.has_secret_in_body() {
        webhook = webhook.with_another_secret();
    }
    let is_proof = |name: &str| name.contains("signature") || name == "authorization";
    // A secret header covers no body, so for those providers only the header can be wrong.
    let covers_body = !webhook.headers.iter().any(|(name, _)| name == "authorization");
    match random.random_range(0..if covers_body { 9 } else { 5 }) {
        0 => webhook.headers.retain(|(name, _)| !is_proof(name)),
        1 => webhook.method = [Method::PUT, Method::DELETE, Method::PATCH][random.random_range(0..3)].clone(),
        2 => webhook.path = format!("/webhooks/{MARKER}-{}", random.random::<u64>()),
        3 => {
            webhook = webhook
                .with("content-type", ["text/html", "multipart/form-data", ""][random.random_range(0..3)]);
        }
        4 => {
            for (_, value) in webhook.headers.iter_mut().filter(|(name, _)| is_proof(name)) {
                // Printable, and at another place of the alphabet than it was: case alone would not change hex.
                let position = value.len() - 1 - random.random_range(2..value.len().min(20));
                let old = value.as_bytes()[position];
                let new = if old == b'#' { "~" } else { "#" };
                value.replace_range(position..=position, new);
            }
        }
        5 => {
            let position = random.random_range(0..webhook.body.len());
            webhook.body[position] ^= random.random_range(1..=255_u8);
        }
        6 => webhook.body.truncate(random.random_range(0..webhook.body.len())),
        7 => webhook.body = (0..random.random_range(0..4096)).map(|_| random.random()).collect(),
        _ => webhook.body = "[".repeat(random.random_range(1..20_000)).into_bytes(),
    }
    webhook
}

#[tokio::test]
async fn of_ten_thousand_forgeries_none_is_published() {
    let (router, bus) = in_process(&[("COPPICE_REQUESTS_PER_SECOND", "100000")]);
    let mut random = StdRng::seed_from_u64(20_261_124);
    for number in 0..10_000 {
        let webhook = forged(&mut random);
        let (status, body) = answer(&router, &webhook).await;
        assert!((400..500).contains(&status), "{number}: {status} {webhook:?}");
        assert!(body.starts_with(r#"{"error":""#) && !body.contains(MARKER), "{number}: {body}");
    }
    assert_eq!(bus.calls(), 0);
}

/// The authentic sender sends random bytes. The readers of bodies never panic.
#[tokio::test]
async fn random_bytes_in_an_authentic_body_are_refused_or_name_ids() {
    let (router, bus) = in_process(&[("COPPICE_REQUESTS_PER_SECOND", "100000")]);
    let mut random = StdRng::seed_from_u64(20_261_125);
    let open: Vec<Webhook> = of_every_provider()
        .into_iter()
        .map(|(_, webhook)| webhook)
        .filter(|webhook| webhook.headers.iter().any(|(name, _)| name == "authorization"))
        .collect();
    for _ in 0..3_000 {
        let mut webhook = open[random.random_range(0..open.len())].clone();
        for _ in 0..random.random_range(1..4) {
            let position = random.random_range(0..webhook.body.len());
            webhook.body[position] = random.random();
        }
        let (status, body) = answer(&router, &webhook).await;
        assert!(matches!(status, 200 | 204 | 400), "{status} {webhook:?}");
        assert!(!body.contains(MARKER));
    }
    assert!(bus.published().iter().all(|entry| !entry.detail().contains(MARKER)));
}

#[tokio::test]
async fn the_real_binary_handles_ten_thousand_forgeries_in_bounded_memory() {
    let world = World::start().await;
    // The test does not measure the speed of this machine.
    let settings = [("COPPICE_BODY_LIMIT_SECS", "60"), ("COPPICE_REQUEST_LIMIT_SECS", "60")];
    let ingress = Ingress::start(&world, &settings).await;
    let mut random = StdRng::seed_from_u64(20_261_126);
    let before = ingress.rss_bytes();
    for batch in 0..400 {
        let mut webhooks: Vec<Webhook> = (0..25).map(|_| forged(&mut random)).collect();
        // Large bodies are read to their end before a forgery is found.
        for large in webhooks.iter_mut().take(if batch % 20 == 0 { 10 } else { 0 }) {
            *large = Webhook { body: vec![b'x'; 900_000], ..stripe("vs_1") };
        }
        let replies = join_all(webhooks.iter().map(|webhook| ingress.send(webhook))).await;
        for ((status, body), webhook) in replies.into_iter().zip(&webhooks) {
            assert!((400..500).contains(&status), "{batch}: {status} {} {:?}", webhook.path, webhook.headers);
            assert!(!body.contains(MARKER));
        }
    }
    let grown = ingress.rss_bytes().saturating_sub(before);
    println!("resident memory: {before} bytes before, {grown} more after ten thousand forgeries");
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
    assert_eq!(world.proxy.calls("PutEvents"), 0);
    assert_eq!((crate::stored(&world).await, world.queue_depth(crate::CONSUMER).await), (0, (0, 0)));
    let log = ingress.worker.log();
    assert!(!log.contains(MARKER) && !log.contains(r#""message":"panic""#), "{log}");
    assert_eq!(ingress.worker.get("readyz").await.unwrap().0, 200);
}
