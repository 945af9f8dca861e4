//! The persons of the story, and what they do at the identity provider.

use simulators::auth0::SimulatedUser;
use simulators::identity::SimulatedPerson;
use testkit::World;
use time::macros::date;

pub(crate) const ADA: &str = "auth0|ada";
pub(crate) const BOB: &str = "auth0|bob";
pub(crate) const CLEO: &str = "auth0|cleo";

pub(crate) fn name_of(id: &str) -> &str {
    id.trim_start_matches("auth0|")
}

pub(crate) async fn sign_up(world: &World, id: &str, given_name: &str) {
    // The names are so long that they are in no log by chance.
    let mut user = SimulatedUser::new(id);
    user.email = Some(format!("{}@example.org", name_of(id)));
    user.given_name = Some(given_name.to_owned());
    world.deliver(&world.idp.put_user(user).stream_event()).await;
}

pub(crate) async fn change_email(world: &World, id: &str, email: &str) {
    let change = world.idp.update(id, |user| user.email = Some(email.to_owned()));
    world.deliver(&change.stream_event()).await;
}

pub(crate) fn adas_document() -> SimulatedPerson {
    SimulatedPerson::new("Augusta", "Kingsleigh", date!(1985 - 12 - 10))
}
