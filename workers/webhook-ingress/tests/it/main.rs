//! `webhook-ingress` as it is deployed: the real binary with a real bus and database, called as providers and attackers call
//! it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod deliveries;
mod described;
mod forgeries;
mod limits;
mod records;
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

/// The branch whose rule routes Stripe's events.
const CONSUMER: &str = "identity-verification-stripe";
const UNIT: &str = "webhook-ingress";

/// A text in every place where a provider may put a personal value.
const MARKER: &str = "pii-marker";

/// One source of every connector that has webhooks.
const SOURCES: &str = r#"
[sources.auth0]
role = "sso"
connector = "auth0"
url = "https://auth0.example"
client_id = "none"
client_secret = { secret = "none" }
webhook_secrets = [{ secret = "authorization" }]

[sources.entra]
role = "sso"
connector = "entra"
tenant_id = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"
client_id = "none"
client_secret = { secret = "none" }
webhook_secrets = [{ secret = "signing" }]

[sources.okta]
role = "sso"
connector = "okta"
url = "https://okta.example"
api_token = { secret = "none" }
webhook_secrets = [{ secret = "authorization" }]

[sources.scim]
role = "sso"
connector = "scim"
url = "https://scim.example"
token = { secret = "none" }
webhook_secrets = [{ secret = "authorization" }]

[sources.county]
role = "registry"
connector = "handed-over"
webhook_secrets = [{ secret = "signing" }]

[sources.hubspot]
role = "crm"
connector = "hubspot"
token = { secret = "none" }
webhook_secrets = [{ secret = "signing" }]

[sources.persona]
role = "identity"
connector = "persona"
api_key = { secret = "none" }
webhook_secrets = [{ secret = "signing" }]

[sources.stripe]
role = "identity"
connector = "stripe"
api_key = { secret = "none" }
webhook_secrets = [{ secret = "replaced" }, { secret = "signing" }]
"#;

/// The settings of a process that accepts every source's webhooks.
const ACCEPTED: [(&str, &str); 7] = [
    ("COPPICE_CONFIG", SOURCES),
    ("COPPICE_PUBLIC_URL", PUBLIC_URL),
    ("COPPICE_SECRET_AUTHORIZATION", BEARER),
    ("COPPICE_SECRET_SIGNING", SECRET),
    ("COPPICE_SECRET_REPLACED", "another-secret-that-is-live"),
    ("COPPICE_CONTENTFUL_WEBHOOK_SECRETS", SECRET),
    ("COPPICE_STANDARD_WEBHOOKS_SECRETS", STANDARD_SECRET),
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
        all.extend(ACCEPTED);
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
    arrived_at(world, CONSUMER, count).await;
}

async fn arrived_at(world: &World, branch: &str, count: u64) {
    let question = async || Ok((world.queue_depth(branch).await.0 >= count).then_some(()));
    wait_until(PATIENCE, "the events to arrive", question).await.unwrap();
    assert_eq!(world.queue_depth(branch).await.0, count);
}

/// The bodies on the consumer's queue, which are deleted there.
async fn bodies(world: &World, count: u64) -> Vec<String> {
    bodies_of(world, CONSUMER, count).await
}

/// The same of one branch's queue.
async fn bodies_of(world: &World, branch: &str, count: u64) -> Vec<String> {
    arrived_at(world, branch, count).await;
    let sqs = aws_sdk_sqs::Client::new(&local_stack::aws_config(world.emulator_endpoint()));
    let queue = world.topology.queue_url(branch).unwrap();
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
