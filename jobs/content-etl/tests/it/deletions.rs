//! Deletions that the CMS does not report, and items that only seem to be deleted.

use simulators::contentful::ContentfulSimulator;

use crate::world::{Cms, World};

#[tokio::test]
async fn an_item_missing_from_a_full_listing_and_by_its_id_is_stored_as_gone() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d"]).await;
    cms.loads(&world, &[]).await;
    cms.lose_entry("b");
    assert_eq!(cms.loads(&world, &[]).await, (0, 0), "the CMS reports no deletion");
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 1));
    assert_eq!(world.items().await, ["a a", "b -", "c c", "d d"]);
    assert_eq!((world.announced().await, cms.reads()), (5, 1));
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0));
    assert_eq!(cms.reads(), 1, "the job does not read a tombstone again");
}

#[tokio::test]
async fn an_item_missing_from_a_listing_stays_if_the_cms_has_it_by_its_id() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d"]).await;
    cms.loads(&world, &[]).await;
    // The listing omits one item, and another one is deleted after it was listed. So the count agrees by accident.
    cms.hide_entry("d");
    let gate = cms.hold_pages();
    let job = cms.start(&world, &["--full", "--json"]);
    gate.arrived(1).await;
    gate.release(0);
    gate.arrived(2).await;
    cms.lose_entry("a");
    gate.open();
    let report = job.end().await.json(0);
    assert_eq!((&report["listed"], &report["missing"], &report["gone"]), (&3.into(), &1.into(), &0.into()));
    assert_eq!(cms.reads(), 1);
    assert_eq!(world.items().await, ["a a", "b b", "c c", "d d"]);
}

#[tokio::test]
async fn the_guard_deletes_nothing_above_its_limit_without_allow_deletions() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d", "e"]).await;
    cms.loads(&world, &[]).await;
    ["a", "b", "c"].iter().for_each(|id| cms.lose_entry(id));
    let before = world.rows().await;
    let said = cms.run(&world, &["--full"]).await;
    said.says(
        4,
        &["3 of 5 stored items are not in the CMS's listing, more than 2", "--full --allow-deletions 3"],
    );
    assert_eq!((world.rows().await, cms.reads()), (before.clone(), 0));
    cms.run(&world, &["--full", "--allow-deletions", "2"]).await.says(4, &["more than 2"]);
    assert_eq!(world.rows().await, before);
    assert_eq!(cms.loads(&world, &["--full", "--allow-deletions", "3"]).await, (0, 3));
    assert_eq!(world.items().await, ["a -", "b -", "c -", "d d", "e e"]);
}

#[tokio::test]
async fn a_different_cms_with_the_same_name_deletes_no_item() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    cms.loads(&world, &[]).await;
    let other = ContentfulSimulator::start().await;
    other.publish_entry("x", "x");
    other.run(&world, &["--full"]).await.says(4, &["3 of 4 stored items are not in the CMS's listing"]);
    assert_eq!(world.items().await, ["a a", "b b", "c c", "x x"]);
}
