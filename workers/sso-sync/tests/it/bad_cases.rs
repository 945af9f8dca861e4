//! The bad cases that every worker goes through.

use simulators::Control;
use simulators::auth0::{Fault, SimulatedUser, State};
use testkit::World;
use testkit::bad_cases::{Case, TOO_LATE};

use crate::{BINARY, UNIT};

struct SsoCase;

impl Case for SsoCase {
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

    async fn change(world: &World, id: &str, version: usize) -> String {
        let mut user = world.idp.user(id).unwrap_or_else(|| SimulatedUser::new(id));
        user.phone_number = Some(version.to_string());
        world.idp.put_user(user).stream_event().to_envelope_json()
    }

    async fn vanish(world: &World, id: &str) -> String {
        let before = world.idp.update(id, |user| user.phone_number = Some(String::from("7")));
        world.idp.delete(id);
        before.stream_event().to_envelope_json()
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        let phone =
            "select phone from person_profile join source_record using (person_id) where external_id = $1";
        let phone: Option<String> =
            sqlx::query_scalar(phone).bind(id).fetch_optional(&world.pool).await.ok().flatten()?;
        phone?.parse().ok()
    }

    fn provider(world: &World) -> &Control<State> {
        &world.idp
    }
}

testkit::bad_cases!(SsoCase);
