//! The bad cases that every worker goes through.

use simulators::Gate;
use simulators::auth0::{Fault, SimulatedUser};
use testkit::World;
use testkit::bad_cases::{Case, ProviderFault, TOO_LATE};

use crate::{BINARY, UNIT};

struct SsoCase;

impl Case for SsoCase {
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "auth0";
    const TIMEOUT: &'static str = "COPPICE_SSO_TIMEOUT_SECS";

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
        let phone = "select phone from person join source_record using (person_id) where external_id = $1";
        let phone: Option<String> =
            sqlx::query_scalar(phone).bind(id).fetch_optional(&world.pool).await.ok().flatten()?;
        phone?.parse().ok()
    }

    fn fault(world: &World, fault: ProviderFault) {
        world.idp.set_fault(match fault {
            ProviderFault::None => Fault::None,
            ProviderFault::Down => Fault::Down,
            ProviderFault::Slow => Fault::Slow(TOO_LATE),
            ProviderFault::Limited => Fault::RateLimited { retry_after_secs: 1 },
        });
    }

    fn set_status(world: &World, id: &str, status: Option<u16>) {
        world.idp.set_status(id, status);
    }

    fn hold(world: &World, id: &str) -> Gate {
        world.idp.hold(id)
    }

    fn requests_for(world: &World, id: &str) -> usize {
        world.idp.requests_for(id)
    }
}

testkit::bad_cases!(SsoCase);
