//! The bad cases that every worker goes through.

use simulators::scim::{Fault, State};
use simulators::{Control, NativeEvent};
use testkit::bad_cases::{Case, TOO_LATE};
use testkit::{STAFF, Setup, World, staff_settings};

use crate::{BINARY, UNIT};

struct StaffCase;

/// The event that `webhook-ingress` makes of the directory's webhook.
fn changed(id: &str) -> String {
    let event = NativeEvent {
        source: String::from("coppice.ingress.staff"),
        detail_type: String::from("webhook"),
        detail: format!(r#"{{"ids":["{id}"],"change":"changed"}}"#),
    };
    event.to_envelope_json()
}

impl Case for StaffCase {
    type Provider = State;
    const SETUP: Setup = Setup::DEFAULT.with_sources(STAFF);
    const DOWN: Fault = Fault::Down;
    const SLOW: Fault = Fault::Slow(TOO_LATE);
    const LIMITED: Fault = Fault::Limited;
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "staff";
    const TIMEOUT: &'static str = "sources.staff.timeout_secs";

    fn settings(world: &World) -> Vec<(&'static str, String)> {
        let url = world.registry.base_url();
        let own = staff_settings(&url, world.registry.token());
        own.into_iter().chain([(Self::TIMEOUT, "1")]).map(|(name, value)| (name, value.to_owned())).collect()
    }

    fn id(number: usize) -> String {
        format!("staff-{number}")
    }

    async fn change(world: &World, id: &str, version: usize) -> String {
        world.registry.put_user(id, &version.to_string());
        changed(id)
    }

    async fn vanish(world: &World, id: &str) -> String {
        world.registry.delete(id);
        changed(id)
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        world.person(id).await?.given_name?.parse().ok()
    }

    fn provider(world: &World) -> &Control<State> {
        &world.registry
    }
}

testkit::bad_cases!(StaffCase);
