//! The contacts of a HubSpot account, by events as `webhook-ingress` publishes them.

use simulators::NativeEvent;
use simulators::hubspot::{HubSpotSimulator, SimulatedContact};
use testkit::{HUBSPOT, Setup, World, hubspot_settings};

use crate::{BINARY, UNIT};

/// Puts an event about these contacts into the worker's queue.
async fn deliver(world: &World, kind: &str, ids: &[u64], change: &str, portal: u64) {
    let ids: Vec<String> = ids.iter().map(|id| format!(r#""{id}""#)).collect();
    let event = NativeEvent {
        source: "coppice.ingress.hubspot".to_owned(),
        detail_type: kind.to_owned(),
        detail: format!(r#"{{"ids":[{}],"change":"{change}","account":"{portal}"}}"#, ids.join(",")),
    };
    world.enqueue(UNIT, &event.to_envelope_json()).await;
}

#[tokio::test]
async fn contacts_of_hubspot_are_created_merged_archived_and_return() {
    let world = World::start_with(Setup::DEFAULT.with_sources(HUBSPOT)).await;
    let account = HubSpotSimulator::start().await;
    let (url, portal) = (account.base_url(), account.portal());
    let portal_text = format!("\"{portal}\"");
    let settings = hubspot_settings(&url, account.token(), &portal_text);
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    account.put_contact(SimulatedContact::new(7001));
    account.put_contact(SimulatedContact::new(7002));
    deliver(&world, "contact.creation", &[7001, 7002], "changed", portal).await;
    let first = world.person_where("7001", |person| person.status == "known").await;
    let second = world.person_where("7002", |person| person.status == "known").await;
    assert_ne!(first.person_id, second.person_id);

    let left = account.merge(7001, 7002).id;
    deliver(&world, "contact.merge", &[left, 7001, 7002], "changed", portal).await;
    deliver(&world, "contact.deletion", &[7002], "deleted", portal).await;
    let left_id = left.to_string();
    let one = world.person_where(&left_id, |person| person.status == "known").await;
    for id in ["7001", "7002"] {
        world.person_where(id, |person| person.person_id == one.person_id).await;
    }

    account.archive(left);
    deliver(&world, "contact.deletion", &[left], "deleted", portal).await;
    let gone = world.person_where(&left_id, |person| person.status == "deleted").await;
    assert_eq!((gone.email, gone.given_name), (None, None), "a tombstone holds nothing personal");

    account.restore(left);
    deliver(&world, "contact.restore", &[left], "changed", portal).await;
    let back = world.person_where(&left_id, |person| person.status == "known").await;
    assert_eq!((back.person_id, &back.email), (one.person_id, &one.email), "its version did not move");

    account.update(left, |contact| *contact = contact.clone().with("firstname", "Ashgrove"));
    deliver(&world, "contact.propertyChange", &[left], "changed", portal).await;
    world.person_where(&left_id, |person| person.given_name.as_deref() == Some("Ashgrove")).await;

    // Another account's contact of the same number is not ours.
    deliver(&world, "contact.deletion", &[left], "deleted", 9).await;
    world.settled(UNIT).await;
    let still = world.person_where(&left_id, |_| true).await;
    assert_eq!(still.status, "known");
}
