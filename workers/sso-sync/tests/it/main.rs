//! `sso-sync` as deployed: the real binary with a real queue, database and bus, and a simulated provider that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod crashes;
mod database;
mod entra;
mod evidence;
mod lifecycle;
mod odd_users;
mod okta;
mod outages;
mod privacy;
mod refusals;
mod repeats;
mod scim;

use simulators::auth0::SimulatedUser;
use testkit::{Worker, World};

const BINARY: &str = env!("CARGO_BIN_EXE_sso-sync");

const UNIT: &str = "sso-sync";

async fn start(world: &World, settings: &[(&str, &str)]) -> Worker {
    world.start_worker(BINARY, UNIT, settings).await
}

/// Creates a user at the provider, and waits until the worker has stored it.
async fn known_user(world: &World, id: &str) {
    let created = world.idp.put_user(SimulatedUser::new(id));
    world.deliver(&created.stream_event()).await;
    world.person_where(id, |_| true).await;
    world.settled(UNIT).await;
}

fn email(address: &str) -> impl FnOnce(&mut SimulatedUser) {
    let address = address.to_owned();
    move |user| user.email = Some(address)
}
