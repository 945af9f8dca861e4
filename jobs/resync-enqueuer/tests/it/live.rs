//! Live events do not wait behind a resync.

use std::time::{Duration, Instant};

use testkit::{World, unit_binary};

use crate::{SSO, drain, enqueue, id, known_users, records, waiting};

#[tokio::test]
async fn live_events_overtake_a_running_resync() {
    let world = World::start_with_emulator().await;
    known_users(&world, 300).await;
    enqueue(&world, &["listing"]).await.says(0, &[]);
    assert_eq!(waiting(&world, SSO).await, 300);
    let _worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    // With this rate the resync takes more than ten seconds.
    let slowly = [("COPPICE_RESYNC_REQUESTS_PER_SECOND", "25")];
    let resync = world.start_job(unit_binary(SSO), SSO, &["--json"], &slowly);
    let started = Instant::now();
    for number in 290..300 {
        let changed = world.idp.block(&id(number));
        world.deliver(&changed.stream_event()).await;
    }
    for number in 290..300 {
        world.person_where(&id(number), |person| person.status == "blocked").await;
    }
    let live = started.elapsed();
    assert!(waiting(&world, SSO).await > 0, "the resync still runs");
    resync.end().await.says(0, &[]);
    assert!(live < started.elapsed() / 2, "live events took {live:?} of {:?}", started.elapsed());
    assert!(started.elapsed() >= Duration::from_secs(10));
    assert_eq!(records(&world, "gone_at is null").await, 300);
    drain(&world, SSO).await.says(0, &[]);
}
