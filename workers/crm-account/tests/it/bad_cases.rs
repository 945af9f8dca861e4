//! The bad cases that every worker goes through.

use serde_json::json;
use simulators::Gate;
use simulators::salesforce::Fault;
use testkit::World;
use testkit::bad_cases::{Case, ProviderFault, TOO_LATE};

use crate::persons::{announced, person, put_account};
use crate::{BINARY, UNIT};

struct AccountCase;

impl Case for AccountCase {
    const UNIT: &'static str = UNIT;
    const BINARY: &'static str = BINARY;
    const UPSTREAM: &'static str = "salesforce";
    const TIMEOUT: &'static str = "COPPICE_CRM_TIMEOUT_SECS";

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

    fn fault(world: &World, fault: ProviderFault) {
        world.crm.set_fault(match fault {
            ProviderFault::None => Fault::None,
            ProviderFault::Down => Fault::Down,
            ProviderFault::Slow => Fault::Slow(TOO_LATE),
            ProviderFault::Limited => Fault::LimitExceeded,
        });
    }

    fn set_status(world: &World, id: &str, status: Option<u16>) {
        world.crm.set_status(id, status);
    }

    fn hold(world: &World, id: &str) -> Gate {
        world.crm.hold(id)
    }

    fn requests_for(world: &World, id: &str) -> usize {
        world.crm.requests_for(id)
    }
}

testkit::bad_cases!(AccountCase);
