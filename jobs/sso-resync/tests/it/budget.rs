//! All pods together stay within the budget of requests.

use std::time::{Duration, Instant};

use simulators::auth0::Fault;
use testkit::World;

use crate::{BINARY, UNIT, enqueue, records, resync, users};

#[tokio::test]
async fn concurrent_pods_together_stay_within_the_requests_per_second() {
    let world = World::start().await;
    let ids = users(&world, 120);
    enqueue(&world, &ids).await;
    // With so few messages in flight, no pod can take them all.
    let settings = [("COPPICE_RESYNC_REQUESTS_PER_SECOND", "20"), ("COPPICE_MAX_IN_FLIGHT", "10")];
    let started = Instant::now();
    let pods: Vec<_> = (0..3).map(|_| world.start_job(BINARY, UNIT, &["--json"], &settings)).collect();
    let mut busy = 0;
    for pod in pods {
        let said = pod.end().await;
        said.says(0, &[]);
        busy += usize::from(said.json()["requests"].as_u64() > Some(0));
    }
    assert!(busy >= 2, "{busy} pods made requests");
    assert_eq!((records(&world, false).await, world.idp.total_requests()), (120, 120));
    let times = world.idp.request_times();
    let most = times.iter().map(|from| within(&times, *from, Duration::from_secs(1))).max().unwrap();
    assert!(most <= 26, "{most} requests in one second");
    assert!(started.elapsed() >= Duration::from_millis(5_700), "{:?}", started.elapsed());
}

fn within(times: &[Instant], from: Instant, window: Duration) -> usize {
    times.iter().filter(|at| **at >= from && **at < from + window).count()
}

#[tokio::test]
async fn sequential_and_concurrent_runs_together_stay_within_the_requests_per_day() {
    let world = World::start().await;
    let ids = users(&world, 60);
    enqueue(&world, &ids).await;
    // The last requests are still in progress when the budget refuses the next one. Their answers are stored all the same.
    world.idp.set_fault(Fault::Slow(Duration::from_millis(300)));
    let settings = [("COPPICE_RESYNC_REQUESTS_PER_DAY", "25")];
    let pods: Vec<_> = (0..2).map(|_| world.start_job(BINARY, UNIT, &["--json"], &settings)).collect();
    for pod in pods {
        pod.end().await.says(4, &["the 25 requests of the day are used up"]);
    }
    assert_eq!((world.idp.total_requests(), records(&world, false).await), (25, 25));
    resync(&world, &settings).await.says(4, &["COPPICE_RESYNC_REQUESTS_PER_DAY"]);
    assert_eq!(world.idp.total_requests(), 25);
    // The other messages become visible again, and no attempt counts.
    let resumed = resync(&world, &[("COPPICE_RESYNC_REQUESTS_PER_DAY", "100")]).await;
    resumed.says(0, &[]);
    assert_eq!((records(&world, false).await, world.dead_letters(UNIT, 0).await.len()), (60, 0));
}

#[tokio::test]
async fn a_run_without_requests_uses_none_of_the_daily_budget() {
    let world = World::start().await;
    let settings = [("COPPICE_RESYNC_REQUESTS_PER_DAY", "25")];
    for _ in 0..3 {
        resync(&world, &settings).await.says(0, &[]);
    }
    let used: i64 =
        sqlx::query_scalar("select requests from resync_budget").fetch_one(&world.pool).await.unwrap();
    assert_eq!(used, 0);
}
