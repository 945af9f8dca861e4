//! `sso-sync` as it is deployed: the real binary on a real queue, database and bus, against a provider that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod crashes;
mod lifecycle;
mod okta;
mod outages;
mod privacy;
mod refusals;
mod repeats;
mod scim;

use testkit::simulators::auth0::SimulatedUser;
use testkit::{Worker, World};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_sso-sync");

/// The unit under test.
const UNIT: &str = "sso-sync";

async fn start(world: &World, settings: &[(&str, &str)]) -> Worker {
    world.start_worker(BINARY, UNIT, settings).await
}

/// A user that exists at the provider, and whose creation has reached us.
async fn known_user(world: &World, id: &str) {
    let created = world.idp.put_user(SimulatedUser::new(id));
    world.deliver(&created.stream_event()).await;
    world.person_where(id, |_| true).await;
    world.settled(UNIT).await;
}

/// A setter for an address.
fn email(address: &str) -> impl FnOnce(&mut SimulatedUser) {
    let address = address.to_owned();
    move |user| user.email = Some(address)
}
