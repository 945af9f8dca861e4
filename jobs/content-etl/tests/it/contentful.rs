//! Content of Contentful, from its first publication to its end.

use crate::world::{Cms, World};

#[tokio::test]
async fn content_is_followed_and_each_change_announced_once() {
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
async fn reading_everything_again_writes_only_what_differs() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    cms.loads(&world, &[]).await;
    let content = "select xmin::text || ctid::text from content_item union all select event_id::text from outbox order by 1";
    let before = world.texts(content).await;
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0));
    assert_eq!(world.texts(content).await, before);
    cms.publish_entry("c", "changed");
    assert_eq!(cms.loads(&world, &["--full"]).await, (1, 0));
    assert_eq!(cms.loads(&world, &[]).await, (0, 0), "changes go on from there");
    assert_eq!(world.announced().await, 4);
}

#[tokio::test]
async fn what_changes_while_everything_is_read_is_read_too() {
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
