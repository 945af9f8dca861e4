//! The persons of the demo, and what they do at the identity providers.

use serde_json::{Value, json};
use simulators::auth0::SimulatedUser;
use simulators::identity::SimulatedPerson;
use testkit::World;
use time::macros::date;

pub(crate) const ADA: &str = "auth0|ada";
pub(crate) const BOB: &str = "auth0|bob";
pub(crate) const CLEO: &str = "auth0|cleo";
/// At Okta.
pub(crate) const DORA: &str = "00udora";
/// At Entra, whose IDs are GUIDs.
pub(crate) const ELI: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

/// Dora's number as an employee. The directory and Okta have it.
pub(crate) const DORAS_NUMBER: &str = "E-1004";

pub(crate) fn name_of(id: &str) -> &str {
    match id {
        DORA => "dora",
        ELI => "eli",
        customer => customer.trim_start_matches("auth0|"),
    }
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

pub(crate) fn elis_document() -> SimulatedPerson {
    SimulatedPerson::new("Eleazar", "Wintergreen", date!(1979 - 04 - 02))
}

/// What the directory knows of Dora.
pub(crate) fn dora() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "dora.whitcombe",
        "externalId": DORAS_NUMBER,
        "name": {"givenName": "Theodora", "familyName": "Whitcombe"},
        "active": true,
    })
}
