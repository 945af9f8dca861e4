//! `resync-enqueuer` as it is deployed: the real binary on a real queue and database, against simulated providers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod incomplete_listings;
mod interrupted;
mod large;
mod listing;
mod live;
mod stale;

use testkit::simulators::auth0::SimulatedUser;
use testkit::{Said, World, unit_binary};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_resync-enqueuer");

const SSO: &str = "sso-resync";
const CRM: &str = "crm-resync";

fn id(number: usize) -> String {
    format!("auth0|u{number:05}")
}

/// Users at the identity provider, of whom nobody has told us.
fn users(world: &World, count: usize) {
    for number in 0..count {
        world.idp.put_user(SimulatedUser::new(&id(number)));
    }
}

/// Runs the job for users to its end, with a report as JSON.
async fn enqueue(world: &World, arguments: &[&str]) -> Said {
    world.run_job(BINARY, SSO, &[&["sso"], arguments, &["--json"]].concat(), &[]).await
}

/// Reads all that is on a resync queue.
async fn drain(world: &World, unit: &str) -> Said {
    world.run_job(unit_binary(unit), unit, &["--json"], &[]).await
}

/// Users whom we know.
async fn known_users(world: &World, count: usize) {
    users(world, count);
    enqueue(world, &["listing"]).await.says(0, &[]);
    drain(world, SSO).await.says(0, &[]);
    assert_eq!(records(world, "gone_at is null").await, i64::try_from(count).unwrap());
}

async fn records(world: &World, condition: &str) -> i64 {
    let sql = format!("select count(*) from source_record where {condition}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&world.pool).await.unwrap()
}

/// Messages that wait.
async fn waiting(world: &World, unit: &str) -> u64 {
    world.queue_depth(unit).await.0
}
