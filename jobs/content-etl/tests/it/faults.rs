//! Pages that fail, are empty, or repeat: the job loses no item and deletes no item.

use simulators::contentful::{ContentfulSimulator, Fault, PageFault};

use crate::job::{Job, Said};
use crate::world::{Cms, World};

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];
const LOADED: [&str; 5] = ["a a", "b b", "c c", "d d", "e e"];

/// A run with a second attempt for each request.
async fn patient(world: &World, cms: &ContentfulSimulator, arguments: &[&str]) -> Said {
    let mut settings = cms.settings(world);
    settings.retain(|(name, _)| *name != "COPPICE_CONTENT_ATTEMPTS");
    Job::start(arguments, &settings).end().await
}

#[tokio::test]
async fn a_listing_with_a_fault_on_any_page_deletes_no_item_and_the_next_one_completes() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.loads(&world, &[]).await;
    let rows = "select xmin::text || ctid::text from content_item union all select event_id::text from outbox order by 1";
    let before = world.texts(rows).await;
    // The run's exit code with the fault on the first, the second and the third page.
    let cases = [
        (PageFault::Status(500), [1, 1, 1]),
        (PageFault::Status(403), [1, 1, 1]),
        (PageFault::Empty, [4, 4, 4]),
        (PageFault::RepeatedItems, [4, 4, 4]),
        // If the first page repeats, the job has read it twice, which is harmless.
        (PageFault::LinkToItself, [0, 1, 1]),
        (PageFault::LinkElsewhere, [1, 1, 1]),
    ];
    for (fault, codes) in cases {
        for (page, code) in codes.into_iter().enumerate() {
            cms.set_page_fault(page, fault);
            let said = cms.run(&world, &["--full"]).await;
            assert_eq!(said.code, Some(code), "{fault:?} on page {page}: {said:?}");
            assert_eq!(world.texts(rows).await, before, "{fault:?} on page {page}");
            assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0), "{fault:?} on page {page}");
        }
    }
    assert_eq!(world.items().await, LOADED);
}

#[tokio::test]
async fn no_run_for_changes_follows_a_first_listing_that_lost_a_page() {
    for page in 0..3 {
        let (world, cms) = World::with_contentful(&FIVE).await;
        cms.set_page_fault(page, PageFault::Empty);
        cms.run(&world, &[]).await.says(4, &["and the CMS counts another number", "--accept-count"]);
        assert_eq!(world.cursors().await, [""; 0], "a listing that lost a page stores no cursor");
        cms.loads(&world, &[]).await;
        assert_eq!((world.items().await, world.announced().await), (LOADED.map(String::from).to_vec(), 5));
    }
}

#[tokio::test]
async fn an_operator_can_accept_a_listing_whose_count_differs() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.hide_entry("c");
    cms.run(&world, &[]).await.says(4, &["the listing has 4 items"]);
    assert_eq!(cms.loads(&world, &["--accept-count"]).await, (0, 0));
    cms.publish_entry("a", "changed");
    assert_eq!(cms.loads(&world, &[]).await, (1, 0));
}

#[tokio::test]
async fn after_a_failed_page_of_changes_the_next_run_resumes_there() {
    let (world, cms) = World::with_contentful(&[]).await;
    cms.loads(&world, &[]).await;
    let faults = [PageFault::Status(500), PageFault::LinkToItself, PageFault::LinkElsewhere];
    for (before, fault) in faults.into_iter().enumerate() {
        FIVE.iter().for_each(|id| cms.publish_entry(id, id));
        cms.set_page_fault(1, fault);
        cms.run(&world, &[]).await.says(1, &["2 new or changed", "the run did not end"]);
        assert_eq!(cms.loads(&world, &[]).await, (3, 0), "{fault:?}");
        assert_eq!(world.announced().await, 5 * (before + 1));
    }
    assert_eq!(world.items().await, LOADED);
}

#[tokio::test]
async fn the_job_calls_the_cms_again_after_a_short_outage_or_a_rate_limit() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.set_page_fault(1, PageFault::Status(503));
    cms.set_page_fault(3, PageFault::RateLimited { reset_secs: 1 });
    patient(&world, &cms, &[])
        .await
        .says(0, &["CMS will be called again", "provider asks for a pause of 1 s"]);
    assert_eq!((world.items().await, world.announced().await), (LOADED.map(String::from).to_vec(), 5));
}

#[tokio::test]
async fn a_fault_that_only_an_operator_can_fix_ends_the_run_at_once() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    let with = async |name, value: &str| {
        let mut settings = cms.settings(&world);
        settings.retain(|(known, _)| *known != name && *known != "COPPICE_CONTENT_ATTEMPTS");
        settings.push((name, value.to_owned()));
        Job::start(&[], &settings).end().await
    };
    with("COPPICE_CONTENTFUL_ACCESS_TOKEN", "CFPAT-other")
        .await
        .says(1, &["provider refuses our credentials"]);
    with("COPPICE_CONTENTFUL_SPACE", "orchard2").await.says(1, &["refuses the request with status 404"]);
    cms.set_fault(Fault::WrongJson);
    cms.run(&world, &[]).await.says(1, &["provider's reply is malformed"]);
    assert_eq!(world.rows().await, [""; 0]);
}

#[tokio::test]
async fn the_error_about_a_refused_cursor_names_the_command_to_run() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.loads(&world, &[]).await;
    cms.refuse_tokens();
    cms.publish_entry("a", "changed");
    let rows = world.rows().await;
    cms.run(&world, &[]).await.says(1, &["the CMS refuses the cursor", "run content-etl --full"]);
    assert_eq!(world.rows().await, rows);
    assert_eq!(cms.loads(&world, &["--full"]).await, (1, 0));
    assert_eq!(cms.loads(&world, &[]).await, (0, 0));
}

#[tokio::test]
async fn a_listing_whose_cursor_is_refused_starts_again_from_the_beginning() {
    let (world, cms) = World::with_contentful(&FIVE).await;
    cms.set_page_fault(1, PageFault::Status(500));
    cms.run(&world, &[]).await.says(1, &[]);
    cms.refuse_tokens();
    cms.run(&world, &[]).await.says(1, &["refuses the listing's cursor", "run content-etl --full"]);
    assert_eq!(cms.loads(&world, &[]).await, (3, 0));
    assert_eq!(world.items().await, LOADED);
}
