//! Runs that write nothing.

use crate::world::{Cms, World};

#[tokio::test]
async fn a_dry_run_counts_the_changes_and_writes_nothing() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    for _ in 0..2 {
        let report = cms.run(&world, &["--dry-run", "--json"]).await.json(0);
        assert_eq!(
            (&report["full"], &report["changed"], &report["written"]),
            (&true.into(), &3.into(), &false.into())
        );
    }
    assert_eq!(world.rows().await, [""; 0]);

    cms.loads(&world, &[]).await;
    let rows = world.rows().await;
    cms.publish_entry("a", "changed");
    cms.unpublish_entry("b");
    for _ in 0..2 {
        let said = cms.run(&world, &["--dry-run"]).await;
        said.says(0, &["1 new or changed would be, 1 gone would be", "nothing was written"]);
    }
    assert_eq!(world.rows().await, rows);
    assert_eq!(cms.loads(&world, &[]).await, (1, 1));
}

#[tokio::test]
async fn a_full_dry_run_looks_for_missing_items_and_leaves_an_interrupted_listing_unchanged() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d"]).await;
    cms.loads(&world, &[]).await;
    let gate = cms.hold_pages();
    let job = cms.start(&world, &["--full"]);
    gate.arrived(1).await;
    gate.release(0);
    gate.arrived(2).await;
    job.kill().await;
    drop(gate);
    cms.lose_entry("a");
    let rows = world.rows().await;
    let report = cms.run(&world, &["--full", "--dry-run", "--json"]).await.json(0);
    assert_eq!((&report["listed"], &report["missing"], &report["gone"]), (&3.into(), &1.into(), &1.into()));
    assert_eq!(world.rows().await, rows);
}
