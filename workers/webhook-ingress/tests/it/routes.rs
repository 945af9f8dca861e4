//! Which queue the events of each source reach, by the rules that are rendered from the file of sources.

use std::collections::BTreeMap;

use local_stack::wait_until;
use testkit::{PATIENCE, Setup, World};

use crate::requests::of_every_provider;
use crate::{Ingress, SOURCES};

/// Where events that no rule takes are.
const UNDELIVERED: &str = "undelivered";

/// How many messages are in each queue.
async fn depths(world: &World) -> BTreeMap<String, u64> {
    let mut depths = BTreeMap::from([(UNDELIVERED.to_owned(), world.undelivered().await.len() as u64)]);
    for branch in world.topology.branches() {
        depths.insert(branch.to_owned(), world.queue_depth(branch).await.0);
    }
    depths
}

#[tokio::test]
async fn the_event_of_each_source_reaches_its_own_branch_and_no_other() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(SOURCES)).await;
    let ingress = Ingress::start(&world, &[]).await;
    let mut reached = Vec::new();
    let mut before = depths(&world).await;
    for (_, webhook) in of_every_provider() {
        let source = webhook.path.rsplit('/').next().unwrap().to_owned();
        assert_eq!(ingress.send(&webhook).await.0, 200, "{source}");
        let arrived = async || {
            let now = depths(&world).await;
            Ok((now.values().sum::<u64>() > before.values().sum()).then_some(now))
        };
        let now = wait_until(PATIENCE, "the event to reach a queue", arrived).await;
        let now = now.unwrap_or_else(|error| panic!("{source}: {error}"));
        let grown = now.iter().filter(|(queue, depth)| before[*queue] != **depth);
        reached.push((source, grown.map(|(queue, _)| queue.clone()).collect::<Vec<_>>().join(" ")));
        before = now;
    }
    reached.sort();
    let expected = [
        ("auth0", "sso-sync-auth0"),
        ("contentful", UNDELIVERED),
        ("entra", "sso-sync-entra"),
        ("hubspot", "crm-sync-hubspot"),
        ("okta", "sso-sync-okta"),
        ("persona", "identity-verification-persona"),
        ("scim", "sso-sync-scim"),
        ("standard-webhooks", UNDELIVERED),
        ("stripe", "identity-verification-stripe"),
    ];
    assert_eq!(reached, expected.map(|(source, queue)| (source.to_owned(), queue.to_owned())));
}
