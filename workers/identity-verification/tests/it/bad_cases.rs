//! The bad cases that every worker goes through.

use simulators::Gate;
use simulators::identity::{Fault, SimulatedPerson};
use testkit::World;
use testkit::bad_cases::{Case, ProviderFault, TOO_LATE};
use time::macros::date;

use crate::{BINARY, UNIT};

struct IdentityCase;

impl Case for IdentityCase {
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "stripe";
    const TIMEOUT: &'static str = "COPPICE_IDENTITY_TIMEOUT_SECS";

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

    fn fault(world: &World, fault: ProviderFault) {
        world.verifier.set_fault(match fault {
            ProviderFault::None => Fault::None,
            ProviderFault::Down => Fault::Down,
            ProviderFault::Slow => Fault::Slow(TOO_LATE),
            ProviderFault::Limited => Fault::RateLimited { reset_secs: 1 },
        });
    }

    fn set_status(world: &World, id: &str, status: Option<u16>) {
        world.verifier.set_status(id, status);
    }

    fn hold(world: &World, id: &str) -> Gate {
        world.verifier.hold(id)
    }

    fn requests_for(world: &World, id: &str) -> usize {
        world.verifier.requests_for(id)
    }
}

testkit::bad_cases!(IdentityCase);
