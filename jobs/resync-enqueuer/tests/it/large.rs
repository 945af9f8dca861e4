//! The measured runs of `docs/measurements/2026-11-24-laboratory.md`. Opt-in, since they take minutes:
//! `RESYNC_USERS=10000 cargo nextest run --release -p resync-enqueuer --run-ignored only large`.

use std::time::Instant;

use simulators::auth0::SimulatedUser;
use testkit::World;

use crate::{BINARY, SSO, id, records};

/// The number of users, and the most messages on the queue at once: a full queue slows the emulator down.
#[expect(clippy::disallowed_methods, reason = "the size of a measurement is not a setting of a binary")]
fn size() -> usize {
    std::env::var("RESYNC_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

const AT_ONCE: usize = 2000;

#[tokio::test]
#[ignore = "a measurement: minutes"]
async fn large_resync_is_measured() {
    let world = World::start().await;
    let users = size();
    for number in 0..users {
        world.idp.put_user(SimulatedUser::new(&id(number)));
    }
    let binary = |unit| {
        testkit::build_units([unit], !cfg!(debug_assertions)).unwrap()[unit].to_str().unwrap().to_owned()
    };
    let resync = binary(SSO);
    let dry = world.run_job(BINARY, SSO, &["auth0", "listing", "--dry-run", "--json"], &[]).await;
    println!("listing of {users}: {}", dry.json());
    for run in ["new", "unchanged"] {
        let started = Instant::now();
        let (mut enqueued, mut read) = (0.0, 0.0);
        for first in (0..users).step_by(AT_ONCE) {
            let ids: Vec<String> = (first..users.min(first + AT_ONCE)).map(id).collect();
            let named: Vec<&str> =
                ["auth0", "ids"].into_iter().chain(ids.iter().map(String::as_str)).collect();
            let begun = Instant::now();
            world.run_job(BINARY, SSO, &named, &[]).await.says(0, &[]);
            enqueued += begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            world.run_job(&resync, SSO, &[], &[]).await.says(0, &[]);
            read += begun.elapsed().as_secs_f64();
        }
        println!("{run}: {users} in {:?}, enqueued {enqueued:.1} s, read {read:.1} s", started.elapsed());
    }
    assert_eq!(records(&world, "gone_at is null").await, i64::try_from(users).unwrap());
}
