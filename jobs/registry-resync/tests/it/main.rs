//! `registry-resync` as deployed: the real binary with a real queue, database and bus, and a SCIM server by other authors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use event_contract::resync_message;
use serde_json::json;
use testkit::{STAFF, Said, ScimServer, Setup, World, staff_settings};

const BINARY: &str = env!("CARGO_BIN_EXE_registry-resync");
const UNIT: &str = "registry-resync";

async fn start() -> (World, ScimServer) {
    (World::start_with(Setup::DEFAULT.with_sources(STAFF)).await, ScimServer::start().await)
}

/// Creates members of the staff without events.
async fn members(staff: &ScimServer, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let member = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("member-{number}@staff.example.org"),
            "name": {"givenName": "Ida", "familyName": "Marked"},
            "active": number % 2 == 0,
        });
        ids.push(staff.create(&member).await["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Puts the IDs of records on the queue, as `resync-enqueuer` does.
async fn enqueue(world: &World, ids: &[String]) {
    let bodies: Vec<String> = ids.iter().map(|id| resync_message("staff", id)).collect();
    world.enqueue_all(UNIT, &bodies).await.unwrap();
}

/// Runs the job to its end.
async fn resync(world: &World, staff: &ScimServer, more: &[(&str, &str)]) -> Said {
    let own = staff_settings(staff.base_url(), staff.token());
    let settings: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
    world.run_job(BINARY, UNIT, &["--json"], &settings).await
}

async fn records(world: &World, gone: bool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from source_record where (gone_at is not null) = $1");
    count.bind(gone).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn the_job_reads_the_records_that_its_queue_names_and_the_budget_counts_requests() {
    let (world, staff) = start().await;
    let ids = members(&staff, 20).await;
    enqueue(&world, &ids).await;
    let said = resync(&world, &staff, &[("COPPICE_RESYNC_REQUESTS_PER_DAY", "50")]).await;
    said.says(0, &[]);
    assert!(said.json()["requests"].as_u64().unwrap() >= 20);
    assert_eq!(records(&world, false).await, 20);
    let known: i64 =
        sqlx::query_scalar("select count(*) from person where status = 'known' and given_name = 'Ida'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(known, 20, "a member who is not active is no blocked account");
}

/// Stores 20 members, deletes all but the first `left` in the directory without an event, and reads them again.
async fn after_deletions(world: &World, staff: &ScimServer, left: usize) -> Said {
    let ids = members(staff, 20).await;
    enqueue(world, &ids).await;
    resync(world, staff, &[]).await.says(0, &[]);
    for id in &ids[left..] {
        staff.delete(id).await;
    }
    enqueue(world, &ids).await;
    resync(world, staff, &[("COPPICE_RESYNC_MAX_DELETIONS", "5")]).await
}

#[tokio::test]
async fn the_guard_stops_a_resync_that_would_delete_many() {
    let (world, staff) = start().await;
    after_deletions(&world, &staff, 1).await.says(4, &["more than 5 records of staff"]);
    assert!(records(&world, true).await <= 5);
}

#[tokio::test]
async fn a_resync_from_a_directory_without_any_of_our_records_deletes_none() {
    let (world, staff) = start().await;
    after_deletions(&world, &staff, 0).await.says(0, &["missing"]);
    assert_eq!((records(&world, false).await, records(&world, true).await), (20, 0));
}
