//! The bad cases that every worker goes through. In these cases the worker reads users that the database does not have.

use simulators::Control;
use simulators::auth0::{Fault, SimulatedUser, State};
use testkit::World;
use testkit::bad_cases::{Case, TOO_LATE};

use crate::{BINARY, UNIT, count_of, with_id_only};

const PORTAL: &str = "portal";

struct LoginCase;

impl Case for LoginCase {
    type Provider = State;
    const DOWN: Fault = Fault::Down;
    const SLOW: Fault = Fault::Slow(TOO_LATE);
    const LIMITED: Fault = Fault::RateLimited { retry_after_secs: 1 };
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "auth0";
    const TIMEOUT: &'static str = "sources.auth0.timeout_secs";

    fn id(number: usize) -> String {
        format!("auth0|{number}")
    }

    /// Each change is one more sign-in, so the count is the version.
    async fn change(world: &World, id: &str, _version: usize) -> String {
        if world.idp.user(id).is_none() {
            world.idp.put_user(SimulatedUser::new(id));
        }
        world.idp.sign_in(id, PORTAL).to_envelope_json()
    }

    /// The provider lacks the log entry. An event with the ID alone makes the worker look for it.
    async fn vanish(world: &World, id: &str) -> String {
        let mut event = with_id_only(&world.idp.sign_in(id, PORTAL));
        event.detail = event.detail.replace("\"900", "\"800");
        event.to_envelope_json()
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        count_of(world, id).await.and_then(|count| count.try_into().ok())
    }

    fn provider(world: &World) -> &Control<State> {
        &world.idp
    }
}

testkit::bad_cases!(LoginCase);
