//! The job reads every record that its queue names, and ends.

use local_stack::wait_until;
use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT, enqueue, id, records, resync, users};

#[tokio::test]
async fn the_job_reads_every_record_in_the_queue_and_ends_with_a_report() {
    let world = World::start().await;
    let ids = users(&world, 25);
    enqueue(&world, &ids).await;
    let said = resync(&world, &[]).await;
    said.says(0, &["resync begins"]);
    let report = said.json();
    assert_eq!(
        (&report["outcomes"]["applied"], &report["dead_lettered"]),
        (&25.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["requests"], 25);
    assert_eq!(records(&world, false).await, 25);
    assert_eq!(world.queue_depth(UNIT).await, (0, 0));
    world.announcements(25).await;
}

#[tokio::test]
async fn an_empty_queue_is_no_failure_and_the_report_is_text() {
    let world = World::start().await;
    let said = world.run_job(BINARY, UNIT, &[], &[]).await;
    said.says(0, &["0 message(s) in ", "with 0 request(s)"]);
}

#[tokio::test]
async fn a_dead_lettered_message_has_the_job_s_own_name_and_does_not_keep_the_job_running() {
    let world = World::start().await;
    let ids = users(&world, 2);
    world.idp.set_status(&ids[0], Some(400));
    enqueue(&world, &ids).await;
    let said = resync(&world, &[]).await;
    said.says(0, &[]);
    assert_eq!(said.json()["dead_lettered"], 1);
    let messages = world.dead_letters(UNIT, 1).await;
    assert_eq!(messages[0].attributes["coppice.worker"], "sso-resync");
    assert_eq!(world.dead_letters("sso-sync", 0).await.len(), 0);
}

#[tokio::test]
async fn a_job_that_is_killed_stopped_and_restarted_misses_no_record() {
    let world = World::start().await;
    let ids = users(&world, 300);
    enqueue(&world, &ids).await;
    let begun = async |at_least: usize| {
        let enough = async || Ok((world.idp.total_requests() >= at_least).then_some(()));
        wait_until(PATIENCE, "requests to be made", enough).await.unwrap();
    };
    // A rate low enough that the test can interrupt the run.
    let slowly = [("COPPICE_RESYNC_REQUESTS_PER_SECOND", "100")];
    let killed = world.start_job(BINARY, UNIT, &[], &slowly);
    begun(40).await;
    killed.kill();
    assert_eq!(killed.end().await.code, None);
    let stopped = world.start_job(BINARY, UNIT, &[], &slowly);
    begun(world.idp.total_requests() + 40).await;
    stopped.terminate();
    stopped.end().await.says(5, &["what is left waits in the queue"]);
    resync(&world, &[]).await.says(0, &[]);
    assert_eq!(records(&world, false).await, 300);
    for number in 0..300 {
        let asked = world.idp.requests_for(&id(number));
        assert!((1..=3).contains(&asked), "{number}: {asked} requests");
    }
}

#[tokio::test]
async fn the_job_lists_all_missing_and_wrong_settings_at_once() {
    let world = World::start().await;
    let settings = [("sources.auth0.url", ""), ("COPPICE_RESYNC_MAX_DELETIONS", "few"), ("DATABASE_URL", "")];
    let said = resync(&world, &settings).await;
    said.says(
        2,
        &[
            "sources.auth0.url: is missing",
            "COPPICE_RESYNC_MAX_DELETIONS",
            "neither auto nor a number",
            "DATABASE_URL",
        ],
    );
}
