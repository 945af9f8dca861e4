//! It stops before too many records are stored as gone.

use testkit::World;

use crate::{UNIT, enqueue, records, resync, users};

/// Users whom we know, and who are all missing from now on, as in a tenant that is not theirs.
async fn in_a_wrong_tenant(world: &World, count: usize) -> Vec<String> {
    let ids = users(world, count);
    enqueue(world, &ids).await;
    resync(world, &[]).await.says(0, &[]);
    for id in &ids {
        world.idp.delete(id);
    }
    enqueue(world, &ids).await;
    ids
}

#[tokio::test]
async fn a_wrong_tenant_empties_nothing_and_the_job_says_what_would_let_it_go_on() {
    let world = World::start().await;
    in_a_wrong_tenant(&world, 150).await;
    let said = resync(&world, &[]).await;
    said.says(4, &["more than 100 records of auth0", "COPPICE_RESYNC_MAX_DELETIONS"]);
    let gone = records(&world, true).await;
    assert!(gone <= 100, "{gone} are gone");
    let again = resync(&world, &[]).await;
    again.says(4, &[]);
    let gone = records(&world, true).await;
    assert!(gone <= 100, "{gone} are gone after another run of the day");
    let (waiting, hidden) = world.queue_depth(UNIT).await;
    assert!(waiting + hidden >= 50, "what was not stored waits in the queue: {waiting} and {hidden}");
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn who_allows_as_many_deletions_gets_them() {
    let world = World::start().await;
    in_a_wrong_tenant(&world, 3).await;
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "2")]).await.says(4, &["more than 2 records"]);
    let gone = records(&world, true).await;
    assert!(gone <= 2, "{gone} are gone");
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "3")]).await.says(0, &[]);
    assert_eq!((records(&world, false).await, records(&world, true).await), (0, 3));
}

#[tokio::test]
async fn records_that_nobody_knows_are_no_deletions() {
    let world = World::start().await;
    let strangers: Vec<String> = (0..5).map(|number| format!("auth0|stranger{number}")).collect();
    enqueue(&world, &strangers).await;
    resync(&world, &[("COPPICE_RESYNC_MAX_DELETIONS", "0")]).await.says(0, &[]);
}
