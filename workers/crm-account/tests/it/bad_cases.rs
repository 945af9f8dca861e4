//! The bad cases that every worker goes through.

use serde_json::json;
use simulators::Control;
use simulators::salesforce::{Fault, State};
use testkit::World;
use testkit::bad_cases::{Case, TOO_LATE};

use crate::persons::{announced, person, put_account};
use crate::{BINARY, UNIT};

struct AccountCase;

impl Case for AccountCase {
    type Provider = State;
    const DOWN: Fault = Fault::Down;
    const SLOW: Fault = Fault::Slow(TOO_LATE);
    const LIMITED: Fault = Fault::LimitExceeded;
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "salesforce";
    const TIMEOUT: &'static str = "sources.salesforce.timeout_secs";

    fn id(number: usize) -> String {
        person(number).to_string()
    }

    async fn change(world: &World, id: &str, version: usize) -> String {
        let person = id.parse().unwrap();
        put_account(world, person, &json!({ "phone": version.to_string(), "family_name": "Quill" })).await;
        announced(person)
    }

    async fn vanish(_world: &World, _id: &str) -> String {
        announced(person(99))
    }

    async fn arrived(world: &World, id: &str) -> Option<usize> {
        world.crm.by_key(id)?.phone?.parse().ok()
    }

    fn provider(world: &World) -> &Control<State> {
        &world.crm
    }
}

testkit::bad_cases!(AccountCase);
