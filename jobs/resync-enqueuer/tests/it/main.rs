//! `resync-enqueuer` as deployed: the real binary with a real queue and database, and simulated providers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod incomplete_listings;
mod interrupted;
mod large;
mod listing;
mod live;
mod mapping;
mod odd_providers;
mod stale;
mod subscription;

use simulators::auth0::SimulatedUser;
use testkit::{Said, World, unit_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_resync-enqueuer");

const SSO: &str = "sso-resync";
const CRM: &str = "crm-resync";

fn id(number: usize) -> String {
    format!("auth0|u{number:05}")
}

/// Creates users at the identity provider without events.
fn users(world: &World, count: usize) {
    for number in 0..count {
        world.idp.put_user(SimulatedUser::new(&id(number)));
    }
}

/// Runs the job for the identity provider to its end, with a report as JSON.
async fn enqueue(world: &World, arguments: &[&str]) -> Said {
    world.run_job(BINARY, SSO, &[&["auth0"], arguments, &["--json"]].concat(), &[]).await
}

/// Runs the resync job until its queue is empty.
async fn drain(world: &World, unit: &str) -> Said {
    world.run_job(unit_binary(unit), unit, &["--json"], &[]).await
}

/// Creates users, and reads them into the database.
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

/// The number of visible messages.
async fn waiting(world: &World, unit: &str) -> u64 {
    world.queue_depth(unit).await.0
}
