//! Several units as deployed, in one world: real binaries, one database, one bus, and simulated providers that deliver
//! their events as the real ones do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_the_file;
mod echo;
mod fleet;
mod handed_over;
mod persona;
mod privacy;
mod reviews;
mod rolling_upgrade;
mod runbooks;

use event_contract::EventKind;
use local_stack::wait_until;
use simulators::auth0::SimulatedUser;
use simulators::salesforce::SimulatedContact;
use testkit::{PATIENCE, PersonRow, World};
use uuid::Uuid;

/// Creates a user at the identity provider, and waits until the database has its person.
async fn sign_up(world: &World, id: &str) -> PersonRow {
    world.deliver(&world.idp.put_user(SimulatedUser::new(id)).stream_event()).await;
    world.person_where(id, |_| true).await
}

/// Changes a user's address at the identity provider.
async fn change_email(world: &World, id: &str, email: &str) {
    let change = world.idp.update(id, |user| user.email = Some(email.to_owned()));
    world.deliver(&change.stream_event()).await;
}

/// Waits until a person has a contact in the CRM that meets a condition.
async fn contact_where(
    world: &World,
    person: Uuid,
    wanted: impl Fn(&SimulatedContact) -> bool,
) -> SimulatedContact {
    let question = async || Ok(world.crm.by_key(&person.to_string()).filter(&wanted));
    wait_until(PATIENCE, "a contact that meets the condition", question).await.unwrap()
}

/// The number of `PersonChanged` announcements of a person.
async fn times_announced(world: &World, person: Uuid) -> usize {
    let announced = world.announcements(0).await;
    announced.iter().filter(|(kind, it)| *kind == EventKind::PersonChanged && it.entity_id == person).count()
}
