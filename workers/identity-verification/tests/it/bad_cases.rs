//! The bad cases that every worker goes through.

use simulators::Control;
use simulators::identity::{Fault, SimulatedPerson, State, Stripe};
use testkit::World;
use testkit::bad_cases::{Case, TOO_LATE};
use time::macros::date;

use crate::{BINARY, UNIT};

struct IdentityCase;

impl Case for IdentityCase {
    type Provider = State<Stripe>;
    const DOWN: Fault = Fault::Down;
    const SLOW: Fault = Fault::Slow(TOO_LATE);
    const LIMITED: Fault = Fault::RateLimited { reset_secs: 1 };
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "stripe";
    const TIMEOUT: &'static str = "sources.stripe.timeout_secs";

    fn id(number: usize) -> String {
        format!("vs_{number}")
    }

    /// Each version has a different document.
    async fn change(world: &World, id: &str, version: usize) -> String {
        world.verifier_server.put_session(id, None);
        let person = SimulatedPerson::new(&version.to_string(), "Quill", date!(1984 - 09 - 03));
        world.verifier_server.verify(id, &person).partner_event().to_envelope_json()
    }

    async fn vanish(world: &World, id: &str) -> String {
        let before = world.verifier_server.process(id).partner_event();
        world.verifier.delete(id);
        before.to_envelope_json()
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        world.person(id).await?.given_name?.parse().ok()
    }

    fn provider(world: &World) -> &Control<State<Stripe>> {
        &world.verifier
    }
}

testkit::bad_cases!(IdentityCase);
