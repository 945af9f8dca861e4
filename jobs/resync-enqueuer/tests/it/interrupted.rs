//! The next run resumes a run that was killed or stopped.

use local_stack::wait_until;
use testkit::{PATIENCE, World};

use crate::{BINARY, SSO, drain, enqueue, id, records, users, waiting};

/// A rate low enough that the test can interrupt the run.
const SLOWLY: [&str; 7] = ["auth0", "listing", "--rate", "150", "--batch-size", "20", "--json"];

#[tokio::test]
async fn killed_and_stopped_runs_of_enqueuer_and_resync_miss_no_record() {
    let world = World::start().await;
    users(&world, 420);
    let mut before = 0;
    for stop in [testkit::Job::kill, testkit::Job::terminate] {
        let job = world.start_job(BINARY, SSO, &SLOWLY, &[]);
        let more = async || Ok((waiting(&world, SSO).await >= before + 60).then_some(()));
        wait_until(PATIENCE, "the run to send some messages", more).await.unwrap();
        stop(&job);
        let said = job.end().await;
        assert!(matches!(said.code, None | Some(5)), "{said:?}");
        before = waiting(&world, SSO).await;
        assert!(before < 420, "{before} sent before the end");
    }
    let asked = world.idp.total_requests();
    let said = enqueue(&world, &["listing", "--batch-size", "20"]).await;
    said.says(0, &[]);
    assert_eq!(said.json()["resumed"], true);
    assert_eq!(world.idp.total_requests(), asked, "the run does not list a page again");
    let sent = waiting(&world, SSO).await;
    assert!((420..=420 + 2 * 20).contains(&sent), "{sent}: each killed run resends at most one batch");

    let resync = world.start_job(
        testkit::unit_binary(SSO),
        SSO,
        &[],
        &[("COPPICE_RESYNC_REQUESTS_PER_SECOND", "150")],
    );
    let begun = async || Ok((records(&world, "true").await >= 60).then_some(()));
    wait_until(PATIENCE, "the job to read some records", begun).await.unwrap();
    resync.kill();
    resync.end().await;
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(records(&world, "gone_at is null").await, 420);
    assert!((0..420).all(|number| world.idp.requests_for(&id(number)) >= 1));
    let left: i64 =
        sqlx::query_scalar("select count(*) from resync_item").fetch_one(&world.pool).await.unwrap();
    assert_eq!(left, 0, "a completed run leaves no items");
}

#[tokio::test]
async fn a_stopped_run_ends_after_its_batch_and_resumes_only_with_its_arguments() {
    let world = World::start().await;
    users(&world, 300);
    enqueue(&world, &["listing"]).await.says(0, &[]);
    drain(&world, SSO).await.says(0, &[]);
    let slowly = ["auth0", "stale", "--older-than", "0s", "--rate", "10", "--batch-size", "500", "--json"];
    let job = world.start_job(BINARY, SSO, &slowly, &[]);
    let some = async || Ok((waiting(&world, SSO).await >= 20).then_some(()));
    wait_until(PATIENCE, "the run to send some messages", some).await.unwrap();
    job.terminate();
    job.end().await.says(5, &["run again to resume"]);
    let sent = waiting(&world, SSO).await;
    assert!(sent < 300, "{sent} sent before the end");

    let other = ["stale", "--where", "gone"];
    enqueue(&world, &other).await.says(2, &["an interrupted run has the arguments", "--where present"]);
    enqueue(&world, &["stale", "--older-than", "0s"]).await.says(0, &[]);
    assert!(waiting(&world, SSO).await >= 300);
}
