//! Content of Contentful, from its first publication to its deletion.

use simulators::contentful::{ContentfulSimulator, PageFault};

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

#[tokio::test]
async fn two_spaces_in_one_database_keep_their_own_items() {
    let (world, notices) = World::with_contentful(&["n1", "n2", "n3"]).await;
    let articles = ContentfulSimulator::start().await;
    notices.set_space("notices7");
    articles.set_space("articles7");
    ["a1", "a2", "a3", "a4", "a5", "n1"].iter().for_each(|id| articles.publish_entry(id, "other"));
    assert_eq!(notices.loads(&world, &[]).await, (3, 0));
    assert_eq!(articles.loads(&world, &[]).await, (6, 0));
    let all =
        ["a1 other", "a2 other", "a3 other", "a4 other", "a5 other", "n1 n1", "n1 other", "n2 n2", "n3 n3"];
    assert_eq!(world.items().await, all);
    articles.lose_entry("n1");
    assert_eq!(articles.loads(&world, &["--full"]).await, (0, 1), "of its own space");
    assert_eq!(notices.loads(&world, &["--full"]).await, (0, 0));
    let present =
        "select scope || ' ' || count(*) from content_item where gone_at is null group by scope order by 1";
    assert_eq!(world.texts(present).await, ["articles7/master 5", "notices7/master 3"]);
}

#[tokio::test]
async fn an_environment_of_the_same_space_has_items_of_its_own() {
    let (world, cms) = World::with_contentful(&["a", "b"]).await;
    assert_eq!(cms.loads(&world, &[]).await, (2, 0));
    let scope = "update content_item set scope = replace(scope, 'master', 'staging') returning external_id";
    world.texts(scope).await;
    assert_eq!(cms.loads(&world, &["--full"]).await, (2, 0), "none of staging is overwritten or gone");
    assert_eq!(world.texts("select scope from content_item where gone_at is null").await.len(), 4);
}

#[tokio::test]
async fn a_page_that_is_too_big_is_read_in_smaller_pages() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d", "e"]).await;
    cms.set_largest_page(1);
    assert_eq!(cms.loads(&world, &[]).await, (5, 0), "a first page");
    // The token of the next changes has the size of its pages in it.
    let (world, cms) = World::with_contentful(&["a", "b"]).await;
    assert_eq!(cms.loads(&world, &[]).await, (2, 0));
    ["c", "d", "e"].iter().for_each(|id| cms.publish_entry(id, id));
    cms.set_largest_page(1);
    assert_eq!(cms.loads(&world, &[]).await, (3, 0), "a page of changes");
    assert_eq!(world.items().await, ["a a", "b b", "c c", "d d", "e e"]);
    // A page in the middle of a listing.
    let (world, cms) = World::with_contentful(&["a"]).await;
    cms.set_page_fault(1, PageFault::Status(500));
    ["b", "c", "d", "e"].iter().for_each(|id| cms.publish_entry(id, id));
    cms.run(&world, &[]).await.says(1, &["the run did not end"]);
    cms.set_largest_page(1);
    assert_eq!(cms.loads(&world, &[]).await.1, 0);
    assert_eq!(world.items().await, ["a a", "b b", "c c", "d d", "e e"]);
    assert_eq!(world.announced().await, 5);
}
