//! `sso-resync` as deployed: the real binary with a real queue, database and bus, and a simulated provider.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod draining;
mod guard;

use event_contract::resync_message;
use simulators::auth0::SimulatedUser;
use testkit::{Said, World};

const BINARY: &str = env!("CARGO_BIN_EXE_sso-resync");

const UNIT: &str = "sso-resync";

fn id(number: usize) -> String {
    format!("auth0|u{number:04}")
}

/// Creates users at the provider without events.
fn users(world: &World, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(id).collect();
    for id in &ids {
        world.idp.put_user(SimulatedUser::new(id));
    }
    ids
}

/// Puts the IDs of records on the queue, as `resync-enqueuer` does.
async fn enqueue(world: &World, ids: &[String]) {
    let bodies: Vec<String> = ids.iter().map(|id| resync_message("auth0", id)).collect();
    world.enqueue_all(UNIT, &bodies).await.unwrap();
}

/// Runs the job to its end.
async fn resync(world: &World, settings: &[(&str, &str)]) -> Said {
    world.run_job(BINARY, UNIT, &["--json"], settings).await
}

/// The number of records that are gone, or of those that are not.
async fn records(world: &World, gone: bool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from source_record where (gone_at is not null) = $1");
    count.bind(gone).fetch_one(&world.pool).await.unwrap()
}
