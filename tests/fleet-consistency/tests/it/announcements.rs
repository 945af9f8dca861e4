//! Checks that the catalogue's documentation, the README's table and each unit's README list the same announcements.

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

/// The cell of a unit's row in the README's table.
fn cell(readme: &str, unit: &str, column: usize) -> String {
    let row = readme.lines().find(|line| line.starts_with(&format!("| [`{unit}`](")));
    row.unwrap_or_else(|| panic!("row of {unit}")).split(" | ").nth(column).unwrap().to_owned()
}

#[test]
fn every_unit_announces_what_the_readme_s_table_says() {
    let (from, to) = catalogue();
    let readme = read("README.md");
    assert!(from.len() >= 6 && to.contains_key("crm-account"), "{from:?} {to:?}");
    let jobs = ["coppice".to_owned(), "content-etl".to_owned()];
    for unit in folders("workers").into_iter().chain(jobs) {
        let announced = from.get(&unit).cloned().unwrap_or_default();
        assert_eq!(kinds_in(&cell(&readme, &unit, 4)), announced, "announced by {unit}: README.md");
        if unit == "coppice" {
            continue;
        }
        let parent = if unit == "content-etl" { "jobs" } else { "workers" };
        let own = read(&format!("{parent}/{unit}/README.md"));
        let row = |name: &str| {
            own.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default().to_owned()
        };
        assert_eq!(kinds_in(&row("announces")), announced, "announced by {unit}: its README");
        let taken = to.get(&unit).cloned().unwrap_or_default();
        assert_eq!(kinds_in(&cell(&readme, &unit, 1)), taken, "queue of {unit}: README.md");
        assert_eq!(kinds_in(&row("queue in")), taken, "queue of {unit}: its README");
    }
}
