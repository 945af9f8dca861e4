//! Checks that the catalogue's documentation and each unit's README list the same announcements.

use std::collections::{BTreeMap, BTreeSet};

use event_contract::EventKind;

use crate::{folders, read};

type Kinds = BTreeSet<&'static str>;

/// The catalogue's kinds of announcement by the units that publish them and by the units that receive them, from the
/// catalogue's documentation.
fn catalogue() -> (BTreeMap<String, Kinds>, BTreeMap<String, Kinds>) {
    let source = read("crates/event-contract/src/announcement.rs");
    let (mut from, mut to) = (BTreeMap::<String, Kinds>::new(), BTreeMap::<String, Kinds>::new());
    for kind in EventKind::ALL {
        let variant = source.find(&format!("\n    {},\n", kind.detail_type())).unwrap();
        let lines = source[..variant].lines().rev().take_while(|line| line.trim().starts_with("///"));
        let mut lines: Vec<&str> = lines.map(|line| line.trim().trim_start_matches("/// ")).collect();
        lines.reverse();
        let text = lines.join(" ");
        let (_, units) =
            text.split_once("From ").expect("the documentation names the units that announce it");
        let (sources, targets) = units.split_once("; to ").unwrap_or((units, ""));
        for (units, by_unit) in [(sources, &mut from), (targets, &mut to)] {
            for unit in units.split('`').skip(1).step_by(2) {
                by_unit.entry(unit.to_owned()).or_default().insert(kind.detail_type());
            }
        }
    }
    (from, to)
}

fn kinds_in(text: &str) -> Kinds {
    EventKind::ALL.into_iter().map(EventKind::detail_type).filter(|kind| text.contains(kind)).collect()
}

#[test]
fn every_unit_s_readme_names_what_it_announces_and_receives() {
    let (from, to) = catalogue();
    assert!(from.len() >= 6 && to.contains_key("crm-account"), "{from:?} {to:?}");
    let workers = folders("workers").into_iter().map(|unit| ("workers", unit));
    for (parent, unit) in workers.chain([("jobs", String::from("content-etl"))]) {
        let readme = read(&format!("{parent}/{unit}/README.md"));
        let row = |name: &str| {
            let row = readme.lines().find(|line| line.starts_with(&format!("| {name} |")));
            kinds_in(row.unwrap_or_default())
        };
        assert_eq!(row("announces"), from.get(&unit).cloned().unwrap_or_default(), "announced by {unit}");
        assert_eq!(row("queue in"), to.get(&unit).cloned().unwrap_or_default(), "queue of {unit}");
    }
}
