//! The bad cases that every worker goes through.

use simulators::Control;
use simulators::salesforce::{Fault, SimulatedContact, State, contact_id};
use testkit::World;
use testkit::bad_cases::{Case, TOO_LATE};

use crate::{BINARY, UNIT};

struct CrmCase;

impl Case for CrmCase {
    type Provider = State;
    const DOWN: Fault = Fault::Down;
    const SLOW: Fault = Fault::Slow(TOO_LATE);
    const LIMITED: Fault = Fault::LimitExceeded;
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "salesforce";
    const TIMEOUT: &'static str = "sources.salesforce.timeout_secs";

    fn id(number: usize) -> String {
        contact_id(number as u64)
    }

    async fn change(world: &World, id: &str, version: usize) -> String {
        let mut contact = world.crm.contact(id).unwrap_or_else(|| SimulatedContact::new(id));
        contact.phone = Some(version.to_string());
        world.crm.put_contact(contact).event.to_envelope_json()
    }

    async fn vanish(world: &World, id: &str) -> String {
        let before = world.crm.update(id, |contact| contact.phone = Some(String::from("7")));
        world.crm.delete(id);
        before.event.to_envelope_json()
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        let phone =
            "select phone from person_profile join source_record using (person_id) where external_id = $1";
        let phone: Option<String> =
            sqlx::query_scalar(phone).bind(id).fetch_optional(&world.pool).await.ok().flatten()?;
        phone?.parse().ok()
    }

    fn provider(world: &World) -> &Control<State> {
        &world.crm
    }
}

testkit::bad_cases!(CrmCase);
