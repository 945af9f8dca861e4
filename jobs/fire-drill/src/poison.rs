//! The event that a drill sends: it names no record, and no parser knows it. Pure.

use event_bus::BusEntry;
use event_contract::{POISON, Poison, queued_event};
use uuid::Uuid;

use crate::unit::Unit;

fn detail(unit: Unit, drill: Uuid) -> Poison {
    Poison { unit: unit.name.to_owned(), drill }
}

pub(crate) fn entry(unit: Unit, drill: Uuid) -> Option<BusEntry> {
    unit.entry(POISON, &detail(unit, drill))
}

/// The body that a rule would deliver to a queue.
pub(crate) fn body(unit: Unit, drill: Uuid) -> String {
    queued_event(unit.source(), POISON, &detail(unit, drill))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Door;

    #[test]
    fn poison_is_recognised_in_a_queue_and_on_the_bus() {
        let drill = Uuid::now_v7();
        let door = Door::Bus { source: "coppice.ingress.scim", rule: "ingress" };
        for unit in
            [Unit { name: "sso-sync-scim", door }, Unit { name: "crm-resync-salesforce", door: Door::Queue }]
        {
            let found = Poison::in_body(&body(unit, drill)).unwrap();
            assert_eq!((found.drill, found.unit.as_str()), (drill, unit.name));
            let entry = entry(unit, drill).unwrap();
            assert_eq!((entry.source(), entry.detail_type()), (unit.source(), POISON));
            assert_eq!(serde_json::from_str::<Poison>(entry.detail()).unwrap(), found);
        }
    }
}
