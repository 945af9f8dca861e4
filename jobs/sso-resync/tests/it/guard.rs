//! The job stops before it stores too many records as gone.

use simulators::EVERY_RECORD;
use testkit::World;

use crate::{UNIT, enqueue, records, resync, users};

/// Stores users and one more, and then deletes the users at the provider, without an event. The other one stays.
async fn with_many_deleted(world: &World, count: usize) {
    let ids = users(world, count + 1);
    enqueue(world, &ids).await;
    resync(world, &[]).await.says(0, &[]);
    for id in &ids[1..] {
        world.idp.delete(id);
    }
    enqueue(world, &ids).await;
}

#[tokio::test]
async fn the_guard_stops_a_resync_that_would_delete_many_and_names_the_setting() {
    let world = World::start().await;
    with_many_deleted(&world, 150).await;
    let said = resync(&world, &[]).await;
    said.says(4, &["more than 100 records of auth0", "COPPICE_RESYNC_MAX_DELETIONS"]);
    let gone = records(&world, true).await;
    assert!(gone <= 100, "{gone} are gone");
    let (waiting, hidden) = world.queue_depth(UNIT).await;
    assert!(waiting + hidden >= 50, "the other messages are in the queue: {waiting} and {hidden}");
    // The limit is one of the day. A run that finds no other user takes the rest for missing.
    resync(&world, &[]).await;
    let gone = records(&world, true).await;
    assert!(gone <= 100, "{gone} are gone after another run of the day");
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn the_job_stores_as_many_deletions_as_the_setting_allows() {
    let world = World::start().await;
    with_many_deleted(&world, 3).await;
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "2")]).await.says(4, &["more than 2 records"]);
    let gone = records(&world, true).await;
    assert!(gone <= 2, "{gone} are gone");
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "3")]).await.says(0, &[]);
    assert_eq!((records(&world, false).await, records(&world, true).await), (1, 3));
}

#[tokio::test]
async fn a_resync_from_a_wrong_tenant_deletes_no_person() {
    let world = World::start().await;
    let ids = users(&world, 5);
    enqueue(&world, &ids).await;
    resync(&world, &[]).await.says(0, &[]);
    world.idp.set_status(EVERY_RECORD, Some(404));
    enqueue(&world, &ids).await;
    resync(&world, &[]).await.says(0, &["missing"]);
    assert_eq!((records(&world, false).await, records(&world, true).await), (5, 0));
}

#[tokio::test]
async fn missing_records_that_the_database_lacks_do_not_count_as_deletions() {
    let world = World::start().await;
    let strangers: Vec<String> = (0..5).map(|number| format!("auth0|stranger{number}")).collect();
    enqueue(&world, &strangers).await;
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "0")]).await.says(0, &[]);
}
