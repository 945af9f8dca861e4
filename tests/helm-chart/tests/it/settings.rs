//! Compares the variables that the chart sets with the settings in each binary's `--help`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::chart::{EXAMPLES, pod_spec, render};

/// Settings that a unit requires with every source.
const ALWAYS: [&str; 6] = [
    "DATABASE_URL",
    "COPPICE_BUS_NAME",
    "COPPICE_QUEUE_URL",
    "COPPICE_DLQ_URL",
    "COPPICE_CONFIG",
    "COPPICE_SOURCE",
];

/// The settings that a binary's `--help` lists, and whether each is required.
fn listed(binary: &Path) -> BTreeMap<String, bool> {
    let output = Command::new(binary).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, settings) = text.split_once("Settings (environment variables").expect("--help lists settings");
    let lines: Vec<&str> = settings.lines().collect();
    let names = lines.windows(2).filter(|pair| {
        pair[0].starts_with("  ")
            && pair[0].trim().chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    names.map(|pair| (pair[0].trim().to_owned(), pair[1].contains("[required]"))).collect()
}

#[test]
fn the_help_of_each_binary_lists_every_variable_that_the_chart_sets() {
    let mut looked_at = BTreeSet::new();
    for example in EXAMPLES {
        for object in render(example, "").all() {
            let Some(pod) = pod_spec(object) else { continue };
            let of = |list: &str| pod[list].as_array().cloned().unwrap_or_default();
            // A doctor in an init container has its worker's variables. The tests of the workers check that.
            let doctor = |container: &Value| container["args"][0] == "doctor";
            let init = of("initContainers").into_iter().filter(|container| !doctor(container));
            for container in of("containers").into_iter().take(1).chain(init) {
                looked_at.insert(variables_are_read(example, &container));
            }
        }
    }
    let all: BTreeSet<String> = ["workers", "jobs"]
        .into_iter()
        .flat_map(|parent| std::fs::read_dir(crate::chart::workspace().join(parent)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(looked_at, all, "an example runs every unit");
}

/// Whether the binary of a container reads every variable that it gets. Returns its name.
fn variables_are_read(example: &str, container: &Value) -> String {
    let unit = container["command"][0].as_str().unwrap().trim_start_matches("/usr/local/bin/").to_owned();
    let listed = listed(Path::new(testkit::unit_binary(&unit)));
    assert!(listed.contains_key("DATABASE_URL"), "{unit}: {listed:?}");
    let variables = container["env"].as_array().unwrap().iter();
    let given: BTreeSet<&str> = variables
        .map(|variable| variable["name"].as_str().unwrap())
        // Read by libraries.
        .filter(|name| !["AWS_", "PG", "RUST_"].iter().any(|start| name.starts_with(start)))
        // Of the secrets that the file of sources names.
        .filter(|name| *name != "COPPICE_SECRETS_DIRECTORY")
        .map(|name| name.strip_suffix("_FILE").unwrap_or(name))
        .collect();
    for name in &given {
        assert!(listed.contains_key(*name), "{example}: {unit} does not read {name}");
    }
    for name in ALWAYS {
        let missing = listed.get(name) == Some(&true) && !given.contains(name);
        let applies = container["name"] == "config" && name != "DATABASE_URL";
        assert!(!missing || applies, "{example}: {unit} lacks {name}");
    }
    unit
}
