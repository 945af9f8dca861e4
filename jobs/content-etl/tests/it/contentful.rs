//! Content of Contentful, from its first publication to its deletion.

use crate::world::{Cms, World};

#[tokio::test]
async fn the_job_loads_each_change_and_announces_it_once() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    cms.publish_asset("picture", "Quay");
    assert_eq!(cms.loads(&world, &[]).await, (4, 0));
    assert_eq!(world.items().await, ["a a", "b b", "c c", "picture Quay"]);
    assert_eq!(
        (world.announced().await, world.cursors().await),
        (4, vec!["content orchard1/master".to_owned()])
    );

    assert_eq!(cms.loads(&world, &[]).await, (0, 0));
    assert_eq!(world.announced().await, 4);
    cms.publish_entry("a", "changed");
    cms.unpublish_entry("b");
    cms.unpublish_asset("picture");
    cms.publish_entry("d", "d");
    assert_eq!(cms.loads(&world, &[]).await, (2, 2));
    assert_eq!(world.items().await, ["a changed", "b -", "c c", "d d", "picture -"]);
    assert_eq!(world.announced().await, 8);

    cms.publish_entry("b", "again");
    assert_eq!(cms.loads(&world, &[]).await, (1, 0));
    assert_eq!(world.items().await[1], "b again");
    let revision = "select revision::text || ' ' || source_revision::text || ' ' || published::text || ' ' \
                    || content_type || ' ' || array_to_string(locales, ',') from content_item where external_id = 'b'";
    assert_eq!(world.texts(revision).await, ["3 1 true notice de,en-US"]);
}

#[tokio::test]
async fn a_full_run_writes_only_items_that_differ() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    cms.loads(&world, &[]).await;
    let content = "select xmin::text || ctid::text from content_item union all select event_id::text from outbox order by 1";
    let before = world.texts(content).await;
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0));
    assert_eq!(world.texts(content).await, before);
    cms.publish_entry("c", "changed");
    assert_eq!(cms.loads(&world, &["--full"]).await, (1, 0));
    assert_eq!(cms.loads(&world, &[]).await, (0, 0), "the next run reads changes from there");
    assert_eq!(world.announced().await, 4);
}

#[tokio::test]
async fn the_job_reads_items_that_change_during_a_full_run() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d"]).await;
    let gate = cms.hold_pages();
    let job = cms.start(&world, &["--json"]);
    gate.arrived(1).await;
    gate.release(0);
    gate.arrived(2).await;
    cms.publish_entry("a", "changed");
    cms.unpublish_entry("b");
    cms.publish_entry("e", "e");
    gate.open();
    job.end().await.json(0);
    assert_eq!(world.items().await, ["a changed", "b -", "c c", "d d", "e e"]);
    assert_eq!(world.texts("select external_id from content_listing").await, [""; 0]);
}
