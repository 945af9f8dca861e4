//! Which queue each provider's events reach, by the rules of the template that production uses. The
//! provider's file in `deploy/cloudformation/sample-events` names the queue.

use std::collections::BTreeMap;

use event_contract::IngressEvent;
use local_stack::wait_until;
use serde_json::Value;
use testkit::{PATIENCE, World};
use webhook_ingress::webhooks;

use crate::Ingress;
use crate::requests::of_every_provider;

/// The queue that the provider's sample names. The sample must have the form of a published event.
fn queue_of(provider: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/cloudformation/sample-events");
    let sample = std::fs::read_to_string(format!("{folder}/ingress.{provider}.json"))
        .unwrap_or_else(|error| panic!("a sample event of {provider}: {error}"));
    let mut sample: Value = serde_json::from_str(&sample).unwrap();
    let event = sample["event"].take();
    assert_eq!(event["source"], format!("coppice.ingress.{provider}"));
    serde_json::from_value::<IngressEvent>(event["detail"].clone())
        .unwrap_or_else(|error| panic!("sample event of {provider}: {error}"));
    let [queue] = serde_json::from_value::<[String; 1]>(sample["queues"].take()).unwrap();
    queue
}

/// How many messages are in each queue.
async fn depths(world: &World) -> BTreeMap<String, u64> {
    let mut depths = BTreeMap::from([("undelivered".to_owned(), world.undelivered().await.len() as u64)]);
    for unit in units() {
        depths.insert(unit.to_owned(), world.queue_depth(unit).await.0);
    }
    depths
}

#[tokio::test]
async fn every_provider_s_event_reaches_one_queue_and_no_other() {
    let world = World::start_with_emulator().await;
    assert_eq!(world.topology.units().count(), units().count());
    let ingress = Ingress::start(&world, &[]).await;
    let mut taken = Vec::new();
    let mut expected = depths(&world).await;
    for (_, webhook) in of_every_provider() {
        let provider = webhook.path.rsplit('/').next().unwrap().to_owned();
        assert_eq!(ingress.send(&webhook).await.0, 200, "{provider}");
        *expected.get_mut(&queue_of(&provider)).unwrap() += 1;
        let arrived = async || {
            let depths = depths(&world).await;
            Ok((depths.values().sum::<u64>() >= expected.values().sum()).then_some(depths))
        };
        let depths = wait_until(PATIENCE, "the event to reach a queue", arrived).await;
        assert_eq!(depths.unwrap_or_else(|error| panic!("{provider}: {error}")), expected, "{provider}");
        taken.push(provider);
    }
    taken.sort();
    assert_eq!(taken, webhooks().map(|webhook| webhook.name), "of every provider");
}

/// The units with a queue.
fn units() -> impl Iterator<Item = &'static str> {
    fleet::with_queue().map(|unit| unit.name)
}
