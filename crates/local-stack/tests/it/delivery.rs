//! The topology on the emulator: which queue gets which event, and which fields remain there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutPartnerEventsRequestEntry};
use config::Config;
use local_stack::{Emulator, Topology, aws_config, wait_until};
use serde::Deserialize;
use serde_json::Value;

use crate::{example, tools};

const LIMIT: Duration = Duration::from_secs(30);
/// Stands in every field of the sample events that could identify a person.
const PERSONAL: &str = "pii-marker";
/// The queue for events that came by webhook and that no unit takes. A rule sends them there.
const UNDELIVERED: &str = "undelivered";

/// One file of `deploy/cloudformation/sample-events`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(rename = "about")]
    _about: String,
    queues: Vec<String>,
    /// The fields of `detail` that remain in the queue.
    detail_after: Option<Value>,
    /// Only for an event that no queue gets.
    why_no_queue: Option<String>,
    event: Value,
}

fn samples() -> BTreeMap<String, Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cloudformation/sample-events");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let samples: BTreeMap<_, _> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let sample = serde_json::from_str(&fs::read_to_string(&path).unwrap());
            let sample = sample.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, sample)
        })
        .collect();
    assert!(samples.len() > 20);
    samples
}

struct World {
    topology: Topology,
    events: aws_sdk_eventbridge::Client,
    queues: aws_sdk_sqs::Client,
}

impl World {
    async fn deploy(emulator: &Emulator, prefix: &str) -> Self {
        Self::deploy_for(&example(), emulator, prefix).await
    }

    async fn deploy_for(sources: &Config, emulator: &Emulator, prefix: &str) -> Self {
        let config = aws_config(emulator.endpoint());
        Self {
            topology: Topology::deploy(emulator.endpoint(), prefix, sources, &[]).await.unwrap(),
            events: aws_sdk_eventbridge::Client::new(&config),
            queues: aws_sdk_sqs::Client::new(&config),
        }
    }

    /// Puts an event on the bus of its sender: a partner's event on the partner bus, our own on our bus.
    async fn put(&self, source: &str, detail_type: &str, detail: &Value) {
        let failed = if source.starts_with("aws.partner/") {
            let entry = PutPartnerEventsRequestEntry::builder()
                .source(source)
                .detail_type(detail_type)
                .detail(detail.to_string())
                .build();
            self.events.put_partner_events().entries(entry).send().await.unwrap().failed_entry_count()
        } else {
            let entry = PutEventsRequestEntry::builder()
                .event_bus_name(&self.topology.bus)
                .source(source)
                .detail_type(detail_type)
                .detail(detail.to_string())
                .build();
            self.events.put_events().entries(entry).send().await.unwrap().failed_entry_count()
        };
        assert_eq!(failed, 0, "{source}");
    }

    async fn put_sample(&self, sample: &Sample) {
        let text = |field: &str| sample.event[field].as_str().unwrap();
        self.put(text("source"), text("detail-type"), &sample.event["detail"]).await;
    }

    /// Takes all messages that are in a queue now.
    async fn take(&self, url: &str) -> Vec<String> {
        let request =
            self.queues.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(0);
        let mut bodies = Vec::new();
        for message in request.send().await.unwrap().messages() {
            bodies.push(message.body().unwrap().to_owned());
            let handle = message.receipt_handle().unwrap();
            self.queues.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
        }
        bodies
    }

    /// Sends an event that goes to one known queue. When it is there, all earlier events have been delivered too.
    async fn put_and_await_a_marker(&self, number: usize) -> BTreeMap<String, Vec<String>> {
        let marker = format!("marker-{number}");
        let detail = serde_json::json!({ "record_id": marker });
        self.put("coppice.ingress.scim", "marker", &detail).await;
        let mut got = BTreeMap::<String, Vec<String>>::new();
        let all = wait_until(LIMIT, "the marker to arrive", async || {
            let mut arrived = false;
            let branches = self.topology.branches().map(|name| Ok((name, self.topology.queue_url(name)?)));
            let undelivered = self.topology.undelivered_url().map(|url| (UNDELIVERED, url));
            for queue in branches.chain([undelivered]) {
                let (branch, url) = queue?;
                for body in self.take(url).await {
                    if body.contains(&marker) {
                        arrived = true;
                    } else {
                        got.entry(branch.to_owned()).or_default().push(body);
                    }
                }
            }
            Ok(arrived.then_some(()))
        });
        all.await.unwrap();
        got
    }
}

/// A sample of each partner event source.
const PARTNERS: [&str; 5] = [
    "auth0-stream.user-updated",
    "auth0-log.management-block",
    "okta.user-deactivated",
    "salesforce.gap",
    "stripe.verified",
];

#[tokio::test]
async fn each_sample_event_reaches_its_queues_without_personal_data() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let samples = samples();
    let world = World::deploy(&emulator, "orchard").await;
    let branches = topology::branches(&example());
    for (number, (name, sample)) in samples.iter().enumerate() {
        assert_eq!(sample.queues.is_empty(), sample.why_no_queue.is_some(), "{name}: a reason, or a queue");
        world.put_sample(sample).await;
        let got = world.put_and_await_a_marker(number).await;
        // Exactly one copy in each queue: two rules for one event would deliver it twice.
        let reached: Vec<_> =
            got.iter().flat_map(|(queue, bodies)| vec![queue.clone(); bodies.len()]).collect();
        // A sample is from one source, and names units.
        let units = reached.iter().map(|queue| {
            let of_queue = |branch: &&topology::Branch| branch.name() == *queue;
            branches.iter().find(of_queue).map_or(queue.as_str(), |branch| branch.unit.name)
        });
        assert_eq!(units.collect::<Vec<_>>(), sample.queues, "{name}");
        for body in got.into_values().flatten() {
            assert!(!body.contains(PERSONAL), "{name}: personal data in {body}");
            let body: Value =
                serde_json::from_str(&body).unwrap_or_else(|error| panic!("{name}: {error} in {body}"));
            for field in ["source", "detail-type"] {
                assert_eq!(body[field], sample.event[field], "{name}");
            }
            assert!(body["id"].as_str().is_some_and(|id| id.len() == 36), "{name}: {body}");
            // The emulator sets its own time.
            assert!(body["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{name}: {body}");
            assert_eq!(Some(&body["detail"]), sample.detail_after.as_ref(), "{name}");
        }
    }
    for branch in world.topology.branches() {
        assert!(world.take(world.topology.dlq_url(branch).unwrap()).await.is_empty(), "{branch}");
    }
    assert!(world.take(world.topology.undelivered_url().unwrap()).await.is_empty());
}

/// An operator who enables a provider before a unit takes its events finds the events in the queue `undelivered`.
#[tokio::test]
async fn an_event_of_a_webhook_that_no_unit_takes_is_kept() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let world = World::deploy(&emulator, "orchard").await;
    let detail = serde_json::json!({"ids": ["orchard-0042"], "change": "deleted"});
    world.put("coppice.ingress.of-tomorrow", "webhook", &detail).await;
    let got = world.put_and_await_a_marker(0).await;
    assert_eq!(got.keys().collect::<Vec<_>>(), [UNDELIVERED]);
    assert!(got[UNDELIVERED][0].contains("orchard-0042"));
}

/// Finds patterns that are too wide. The samples only show that a pattern is wide enough.
#[tokio::test]
async fn an_event_that_no_rule_matches_reaches_no_queue() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let samples = samples();
    let partners = PARTNERS.map(|name| samples[name].event["source"].as_str().unwrap());
    let world = World::deploy(&emulator, "orchard").await;
    let unmatched = [
        (
            partners[0],
            "group.created",
            r#"{"id":"1","type":"group.created","time":"x","data":{"object":{}}}"#,
        ),
        (partners[1], "Auth0 log", r#"{"log_id":"1","data":{"type":"fp","date":"x","user_id":"auth0|1"}}"#),
        (partners[2], "SystemLog", r#"{"uuid":"1","published":"x","eventType":"group.x"}"#),
        (partners[3], "Other__e", r#"{"payload":{"CreatedDate":1}}"#),
        (partners[4], "charge.succeeded", r#"{"id":"1","type":"charge.succeeded","created":1}"#),
        ("coppice.ingress.unknown", "x", "{}"),
        ("coppice", "Unknown", r#"{"ids":["1"],"change":"changed"}"#),
        ("coppice", "Unknown", "{}"),
        ("another.account", "PersonChanged", "{}"),
    ];
    for (number, (source, detail_type, detail)) in unmatched.into_iter().enumerate() {
        let detail: Value = serde_json::from_str(detail).unwrap();
        world.put(source, detail_type, &detail).await;
        assert_eq!(world.put_and_await_a_marker(number).await, BTreeMap::new(), "{source}");
    }
}

const GARDEN: &str = r#"
    [sources.scim]
    role = "sso"
    connector = "scim"
    url = "https://scim.garden.example/v2/"
    token = { secret = "scim-token" }

    [sources.salesforce]
    role = "crm"
    connector = "salesforce"
    url = "https://garden.my.salesforce.com"
    client_id = "garden"
    client_secret = { secret = "salesforce-client-secret" }
"#;

#[tokio::test]
async fn two_stacks_exist_side_by_side() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let first = World::deploy(&emulator, "orchard").await;
    // A partner event source has one bus, so it belongs to one stack.
    let second = World::deploy_for(&Config::parse(GARDEN).unwrap(), &emulator, "garden").await;
    assert_eq!((first.topology.bus.as_str(), second.topology.bus.as_str()), ("orchard", "garden"));
    assert_eq!(first.topology.branches().count(), topology::branches(&example()).len());
    let sample = &samples()["internal.PersonChanged"];
    first.put_sample(sample).await;
    assert_eq!(first.put_and_await_a_marker(0).await.len(), 1);
    assert_eq!(second.put_and_await_a_marker(0).await.len(), 0);
    assert!(first.topology.queue_url("no-such-unit").is_err());
}

/// The archive is made by API, because the emulator does not take it from the template.
#[tokio::test]
async fn the_archive_holds_internal_events_only() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let world = World::deploy(&emulator, "orchard").await;
    assert_eq!(world.topology.workarounds.len(), 4, "{:?}", world.topology.workarounds);
    let archive = world.events.describe_archive().archive_name("orchard-internal").send().await.unwrap();
    let pattern: Value = serde_json::from_str(archive.event_pattern().unwrap()).unwrap();
    assert_eq!(pattern, serde_json::json!({"source": ["coppice"]}));
}
