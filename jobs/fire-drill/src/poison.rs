//! The event that a drill sends: it names no record, and no parser knows it. Pure.

use event_bus::BusEntry;
use event_contract::{POISON, Poison};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::unit::Unit;

fn detail(unit: Unit, drill: Uuid) -> Poison {
    Poison { unit: unit.name.to_owned(), drill }
}

pub(crate) fn entry(unit: Unit, drill: Uuid) -> Option<BusEntry> {
    // `None` cannot happen: a struct of a word and an ID is a small JSON object.
    let detail = serde_json::to_string(&detail(unit, drill)).ok()?;
    BusEntry::provider(unit.source(), POISON, detail).ok()
}

/// The body that a rule would deliver to a queue.
pub(crate) fn body(unit: Unit, drill: Uuid) -> String {
    let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let event = json!({"version": "0", "id": Uuid::now_v7(), "source": unit.source(), "detail-type": POISON,
        "time": time, "detail": detail(unit, drill)});
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poison_is_recognised_in_a_queue_and_on_the_bus() {
        let drill = Uuid::now_v7();
        for unit in Unit::all() {
            let found = Poison::in_body(&body(unit, drill)).unwrap();
            assert_eq!((found.drill, found.unit.as_str()), (drill, unit.name));
            let entry = entry(unit, drill).unwrap();
            assert_eq!((entry.source(), entry.detail_type()), (unit.source(), POISON));
            assert_eq!(serde_json::from_str::<Poison>(entry.detail()).unwrap(), found);
        }
    }
}
