//! `webhook-ingress` as it is deployed: the real binary with a real bus and database, called as providers and attackers call
//! it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod deliveries;
mod forgeries;
mod limits;
mod refusals;
mod requests;
mod routes;
mod signed_elsewhere;

use std::time::Duration;

use local_stack::{free_port, wait_until};
use requests::{BEARER, PUBLIC_URL, SECRET, STANDARD_SECRET, Webhook};
use testkit::{PATIENCE, Worker, World};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_webhook-ingress");

/// The consumer whose rule routes events of Stripe and Persona.
const CONSUMER: &str = "identity-verification";
const UNIT: &str = "webhook-ingress";

/// A text in every place where a provider may put a personal value.
const MARKER: &str = "pii-marker";

/// The settings of a process that accepts every provider.
const PROVIDERS: [(&str, &str); 10] = [
    ("COPPICE_PUBLIC_URL", PUBLIC_URL),
    ("COPPICE_AUTH0_WEBHOOK_SECRETS", BEARER),
    ("COPPICE_CONTENTFUL_WEBHOOK_SECRETS", SECRET),
    ("COPPICE_ENTRA_WEBHOOK_SECRETS", SECRET),
    ("COPPICE_HUBSPOT_WEBHOOK_SECRETS", SECRET),
    ("COPPICE_OKTA_WEBHOOK_SECRETS", BEARER),
    ("COPPICE_PERSONA_WEBHOOK_SECRETS", SECRET),
    ("COPPICE_SCIM_WEBHOOK_SECRETS", BEARER),
    ("COPPICE_STANDARD_WEBHOOKS_SECRETS", STANDARD_SECRET),
    ("COPPICE_STRIPE_WEBHOOK_SECRETS", "another-secret-that-is-live,0123456789abcdef-secret"),
];

/// A running ingress.
struct Ingress {
    worker: Worker,
    base: String,
    http: reqwest::Client,
}

impl Ingress {
    async fn start(world: &World, settings: &[(&str, &str)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let mut all = vec![
            ("COPPICE_QUEUE_URL", ""),
            ("COPPICE_DLQ_URL", ""),
            ("COPPICE_LISTEN_ADDRESS", address.as_str()),
            ("COPPICE_REQUESTS_PER_SECOND", "10000"),
            ("COPPICE_LOG", "debug"),
        ];
        all.extend(PROVIDERS);
        all.extend(settings);
        let worker = world.start_worker(BINARY, UNIT, &all).await;
        Self { worker, base: format!("http://{address}"), http: reqwest::Client::new() }
    }

    /// Status and body of the reply.
    async fn send(&self, webhook: &Webhook) -> (u16, String) {
        let url = format!("{}{}", self.base, webhook.path);
        let mut call = self.http.request(webhook.method.clone(), url).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            call = call.header(name, value);
        }
        let reply = call.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    fn rss_bytes(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.worker.process.pid())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }
}

/// Waits until this many messages are on the consumer's queue.
async fn arrived(world: &World, count: u64) {
    let question = async || Ok((world.queue_depth(CONSUMER).await.0 >= count).then_some(()));
    wait_until(PATIENCE, "the events to arrive", question).await.unwrap();
    assert_eq!(world.queue_depth(CONSUMER).await.0, count);
}

/// The bodies on the consumer's queue, which are deleted there.
async fn bodies(world: &World, count: u64) -> Vec<String> {
    arrived(world, count).await;
    let sqs = aws_sdk_sqs::Client::new(&local_stack::aws_config(world.emulator_endpoint()));
    let queue = world.topology.queue_url(CONSUMER).unwrap();
    let mut bodies = Vec::new();
    while (bodies.len() as u64) < count {
        let call = sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(1);
        for message in call.send().await.unwrap().messages.unwrap_or_default() {
            let receipt = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            bodies.push(message.body.unwrap());
        }
    }
    bodies
}

async fn stored(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from ingress_outbox").fetch_one(&world.pool).await.unwrap()
}

async fn outbox_empties(world: &World) {
    let question = async || Ok((stored(world).await == 0).then_some(()));
    wait_until(Duration::from_secs(90), "the outbox to empty", question).await.unwrap();
}
