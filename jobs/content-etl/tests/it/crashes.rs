//! Runs that are killed or stopped, and two runs at once.

use simulators::Gate;

use crate::job::Job;
use crate::world::{Cms, World};

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];
const LOADED: [&str; 5] = ["a a", "b b", "c c", "d d", "e e"];

/// Releases the pages before number `number`, so that the job has loaded them, and holds that page.
async fn until_page(gate: &Gate, number: usize) {
    for released in 0..number {
        gate.arrived(released + 1).await;
        gate.release(released);
    }
    gate.arrived(number + 1).await;
}

#[tokio::test]
async fn a_listing_killed_between_any_two_pages_loses_and_repeats_no_item() {
    for page in 0..3 {
        let (world, cms) = World::with_contentful(&FIVE).await;
        let gate = cms.hold_pages();
        let job = cms.start(&world, &[]);
        until_page(&gate, page).await;
        job.kill().await;
        drop(gate);
        assert_eq!(world.items().await.len(), 2 * page);
        let asked = cms.pages();
        assert_eq!(cms.loads(&world, &[]).await, (5 - 2 * page as u64, 0), "killed at page {page}");
        assert_eq!(cms.pages() - asked, 3 - page + 1, "the remaining pages, and one page of later changes");
        assert_eq!(world.items().await, LOADED);
        assert_eq!(world.announced().await, 5);
    }
}

#[tokio::test]
async fn a_run_for_changes_killed_between_pages_loses_and_repeats_no_item() {
    let (world, cms) = World::with_contentful(&[]).await;
    cms.loads(&world, &[]).await;
    FIVE.iter().for_each(|id| cms.publish_entry(id, id));
    let gate = cms.hold_pages();
    let job = cms.start(&world, &[]);
    until_page(&gate, 1).await;
    job.kill().await;
    drop(gate);
    assert_eq!(world.items().await, LOADED[..2]);
    assert_eq!(cms.loads(&world, &[]).await, (3, 0));
    assert_eq!((world.items().await, world.announced().await), (LOADED.map(String::from).to_vec(), 5));
}

#[tokio::test]
async fn a_run_for_changes_can_run_before_an_interrupted_listing_resumes() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.loads(&world, &[]).await;
    let gate = cms.hold_pages();
    let job = cms.start(&world, &["--full"]);
    until_page(&gate, 1).await;
    job.kill().await;
    drop(gate);
    cms.publish_entry("a", "changed");
    cms.unpublish_entry("e");
    assert_eq!(cms.loads(&world, &[]).await, (1, 1));
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0));
    assert_eq!(world.items().await, ["a changed", "b b", "c c", "d d", "e -"]);
    assert_eq!(world.cursors().await, ["content orchard1/master"]);
}

#[tokio::test]
async fn a_run_stops_on_sigterm_and_the_next_one_resumes() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    let gate = cms.hold_pages();
    let job = cms.start(&world, &["--json"]);
    until_page(&gate, 2).await;
    job.terminate();
    let said = job.end().await;
    said.says(5, &["stopped before the end"]);
    let report = said.json(5);
    assert_eq!((&report["complete"], &report["changed"]), (&false.into(), &4.into()));
    drop(gate);
    assert_eq!(cms.loads(&world, &[]).await, (1, 0));
    assert_eq!(world.items().await, LOADED);
}

/// Starts two runs that request the same page, and returns their exit codes in order.
async fn race(world: &World, cms: &impl Cms, gate: &Gate, arguments: &[&str]) -> [Option<i32>; 2] {
    let jobs: [Job; 2] = [cms.start(world, arguments), cms.start(world, arguments)];
    gate.arrived(2).await;
    gate.open();
    let [one, other] = jobs;
    let (one, other) = tokio::join!(one.end(), other.end());
    let loser = if one.code == Some(0) { &other } else { &one };
    loser.says(1, &["another run reads the same"]);
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    codes
}

#[tokio::test]
async fn if_two_runs_overlap_one_fails_and_no_item_is_repeated() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    let gate = cms.hold_pages();
    assert_eq!(race(&world, &*cms, &gate, &[]).await, [Some(0), Some(1)], "a listing");
    assert_eq!((world.items().await, world.announced().await), (LOADED.map(String::from).to_vec(), 5));
    FIVE.iter().for_each(|id| cms.publish_entry(id, "changed"));
    let gate = cms.hold_pages();
    assert_eq!(race(&world, &*cms, &gate, &[]).await, [Some(0), Some(1)], "changes");
    assert_eq!(world.announced().await, 10);
    assert_eq!(world.cursors().await, ["content orchard1/master"]);
}
