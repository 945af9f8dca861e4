//! `crm-resync` as deployed: the real binary with a real queue, database and bus, and a simulated CRM.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use event_contract::resync_message;
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::World;

const BINARY: &str = env!("CARGO_BIN_EXE_crm-resync");
const UNIT: &str = "crm-resync";

async fn records(world: &World, gone: bool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from source_record where (gone_at is not null) = $1");
    count.bind(gone).fetch_one(&world.pool).await.unwrap()
}

/// Puts contact IDs on the queue. The CRM has some of these contacts.
async fn enqueue(world: &World, ids: &[String]) {
    let bodies: Vec<String> = ids.iter().map(|id| resync_message("salesforce", id)).collect();
    world.enqueue_all(UNIT, &bodies).await.unwrap();
}

#[tokio::test]
async fn one_request_reads_many_contacts_and_the_budget_counts_requests() {
    let world = World::start().await;
    let ids: Vec<String> = (0..200).map(contact_id).collect();
    for id in &ids {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    enqueue(&world, &ids).await;
    let settings = [
        ("COPPICE_MAX_REFETCHES", "200"),
        ("COPPICE_MAX_IN_FLIGHT", "400"),
        ("COPPICE_RESYNC_REQUESTS_PER_DAY", "150"),
    ];
    let said = world.run_job(BINARY, UNIT, &["--json"], &settings).await;
    said.says(0, &[]);
    let requests = said.json()["requests"].as_u64().unwrap();
    assert!(requests <= 150, "{requests} requests for 200 contacts");
    assert_eq!(records(&world, false).await, 200);
}

#[tokio::test]
async fn the_guard_stops_a_resync_from_a_wrong_organization() {
    let world = World::start().await;
    let ids: Vec<String> = (0..20).map(contact_id).collect();
    for id in &ids {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    enqueue(&world, &ids).await;
    world.run_job(BINARY, UNIT, &[], &[]).await.says(0, &[]);
    for id in &ids {
        world.crm.delete(id);
    }
    enqueue(&world, &ids).await;
    let said = world.run_job(BINARY, UNIT, &[], &[("COPPICE_RESYNC_MAX_DELETIONS", "5")]).await;
    said.says(4, &["more than 5 records of salesforce"]);
    assert!(records(&world, true).await <= 5);
}
