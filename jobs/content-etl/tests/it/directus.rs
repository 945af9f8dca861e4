//! Content of Directus, which reports no deletions.

use simulators::directus::{DirectusSimulator, PageFault};
use time::{Duration, OffsetDateTime};

use crate::job::Job;
use crate::world::{Cms, World};

#[tokio::test]
async fn the_job_loads_each_change_and_announces_it_once() {
    let (world, cms) = World::with_directus(&["a", "b", "c", "d", "e"]).await;
    assert_eq!(cms.loads(&world, &[]).await, (5, 0));
    assert_eq!(cms.loads(&world, &[]).await, (0, 0), "a second read writes nothing");
    cms.put("articles", "a", "changed");
    cms.put("notices", "n", "new");
    cms.set_item_status("articles", "b", "archived");
    cms.delete("articles", "c");
    assert_eq!(cms.loads(&world, &[]).await, (3, 0));
    assert_eq!(world.items().await, ["a changed", "b b", "c c", "d d", "e e", "n new"]);
    let drafts = "select external_id from content_item where not published";
    assert_eq!((world.texts(drafts).await, world.announced().await), (vec![String::from("b")], 8));
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 1));
    assert_eq!((world.items().await[2].as_str(), world.announced().await), ("c -", 9));
}

#[tokio::test]
async fn a_listing_with_a_fault_on_any_page_deletes_no_item_and_the_next_one_completes() {
    let (world, cms) = World::with_directus(&["a", "b", "c", "d", "e"]).await;
    cms.loads(&world, &[]).await;
    let rows = "select xmin::text || ctid::text from content_item union all select event_id::text from outbox order by 1";
    let before = world.texts(rows).await;
    for list in 0..6 {
        for fault in [PageFault::Status(500), PageFault::Empty, PageFault::Repeated] {
            cms.set_page_fault(list, fault);
            let said = cms.run(&world, &["--full"]).await;
            assert!([0, 1, 4].contains(&said.code.unwrap()), "{fault:?} at {list}: {said:?}");
            assert_eq!(world.texts(rows).await, before, "{fault:?} at {list}");
            assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0), "{fault:?} at {list}");
        }
    }
}

#[tokio::test]
async fn later_runs_load_the_items_that_an_empty_page_of_the_first_listing_hid() {
    let long_ago = OffsetDateTime::now_utc() - Duration::hours(9);
    for list in 0..6 {
        let (world, cms) = World::with_directus(&[]).await;
        for id in ["a", "b", "c", "d", "e"] {
            cms.put_at("articles", id, id, long_ago);
        }
        cms.set_page_fault(list, PageFault::Empty);
        cms.run(&world, &[]).await;
        cms.loads(&world, &[]).await;
        assert_eq!(world.items().await, ["a a", "b b", "c c", "d d", "e e"], "empty list {list}");
    }
}

#[tokio::test]
async fn a_token_that_has_lost_its_permissions_deletes_no_item() {
    let (world, cms) = World::with_directus(&["a", "b"]).await;
    cms.loads(&world, &[]).await;
    let rows = world.rows().await;
    cms.forbid(true);
    for arguments in [&[][..], &["--full"], &["--full", "--allow-deletions", "9", "--accept-count"]] {
        cms.run(&world, arguments).await.says(1, &["provider refuses our credentials"]);
    }
    assert_eq!(world.rows().await, rows);
}

#[tokio::test]
async fn a_run_killed_between_any_two_lists_loses_and_repeats_no_item() {
    for list in 0..6 {
        let (world, cms) = World::with_directus(&["a", "b", "c", "d", "e"]).await;
        let gate = cms.hold_lists();
        let job = cms.start(&world, &[]);
        for released in 0..list {
            gate.arrived(released + 1).await;
            gate.release(released);
        }
        gate.arrived(list + 1).await;
        job.kill().await;
        drop(gate);
        cms.loads(&world, &[]).await;
        assert_eq!(world.items().await, ["a a", "b b", "c c", "d d", "e e"]);
        assert_eq!(world.announced().await, 5);
    }
}

#[tokio::test]
async fn a_collection_that_fails_is_named_and_ends_no_other() {
    let (world, cms) = World::with_directus(&["a", "b"]).await;
    cms.create_collections(&["globals", "zones"]);
    cms.put("globals", "1", "site");
    cms.put("zones", "z", "z");
    cms.make_singleton("globals");
    let collections = [("COPPICE_DIRECTUS_COLLECTIONS", String::from("articles,globals,zones"))];
    let environment = [cms.settings(&world), collections.to_vec()].concat();
    for (changed, arguments) in [(3, &[][..]), (0, &["--full"])] {
        let said = Job::start(&[arguments, &["--json"]].concat(), &environment).end().await;
        let report = said.json(1);
        assert_eq!((&report["complete"], &report["changed"]), (&false.into(), &changed.into()));
        let [failed] = &report["failed"].as_array().unwrap()[..] else { panic!("{report}") };
        assert!(failed["scope"].as_str().unwrap().ends_with("/globals"), "{report}");
    }
    Job::start(&[], &environment).end().await.says(1, &["/globals: the CMS does not answer"]);
    assert_eq!(world.items().await, ["a a", "b b", "z z"]);
    cms.put("zones", "y", "y");
    assert_eq!(
        Job::start(&["--json"], &environment).end().await.json(1)["changed"],
        1,
        "its cursor has moved"
    );
}

#[tokio::test]
async fn two_servers_in_one_database_keep_their_own_items() {
    let (world, one) = World::with_directus(&["a", "b"]).await;
    let other = DirectusSimulator::start().await;
    other.create_collections(&["articles", "notices"]);
    other.put("articles", "a", "other");
    assert_eq!(one.loads(&world, &[]).await, (2, 0));
    assert_eq!(other.loads(&world, &[]).await, (1, 0));
    assert_eq!(other.loads(&world, &["--full"]).await, (0, 0));
    assert_eq!(world.items().await, ["a a", "a other", "b b"]);
}

#[tokio::test]
async fn a_collection_that_is_added_later_is_read_alone() {
    let (world, cms) = World::with_directus(&["a", "b"]).await;
    cms.loads(&world, &[]).await;
    cms.create_collections(&["zones"]);
    cms.put("zones", "z", "z");
    let collections = [("COPPICE_DIRECTUS_COLLECTIONS", String::from("zones"))];
    let environment = [cms.settings(&world), collections.to_vec()].concat();
    let report = Job::start(&["--json", "--full"], &environment).end().await.json(0);
    assert_eq!((&report["changed"], &report["gone"], &report["missing"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(cms.loads(&world, &["--full"]).await, (0, 0), "the others are where they were");
}
