//! A unit has one name for its folder, package, binary, queue, DLQ and README.

use std::fs;

use config::Config;
use fleet::Kind;

use crate::{committed, folders, read, rust_files, workspace};

/// The files that every worker has.
const WORKER_FILES: &[&str] = &["README.md", "src/main.rs", "src/lib.rs", "tests/it/main.rs"];

/// Workers that serve HTTP calls. They have no queue and no handler. All other rules hold for them too.
pub(crate) fn servers() -> Vec<&'static str> {
    fleet::names_of(Kind::Server).collect()
}

/// The files that only a worker with a queue has.
const OF_QUEUES: &[&str] = &["tests/it/bad_cases.rs", "examples/panicking-{name}.rs"];

fn is_server(name: &str) -> bool {
    servers().contains(&name)
}

/// Whether the worker is an instance of `RecordSync`.
fn syncs_records(name: &str) -> bool {
    read(&format!("workers/{name}/src/lib.rs")).contains("impl RecordUnit for ")
}

/// Most lines of a `main.rs`. It only starts the worker. All other code belongs elsewhere.
const MAIN_LINES: usize = 30;

#[test]
fn every_folder_is_a_package_of_the_same_name() {
    for parent in ["crates", "workers", "jobs", "tests"] {
        for name in folders(parent) {
            let manifest = read(&format!("{parent}/{name}/Cargo.toml"));
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{parent}/{name}");
        }
    }
}

#[test]
fn every_worker_has_the_same_files_and_a_short_main() {
    for name in folders("workers") {
        let has = |file: &str| workspace().join("workers").join(&name).join(file).exists();
        for file in WORKER_FILES {
            assert!(has(file), "workers/{name}/{file}");
        }
        for file in OF_QUEUES {
            let file = file.replace("{name}", &name);
            assert_eq!(has(&file), !is_server(&name), "workers/{name}/{file}");
        }
        // A worker's settings are those of all workers, and its source in the file.
        assert_eq!(has("src/settings.rs"), is_server(&name), "workers/{name}/src/settings.rs");
        // The handler of the workers that sync records is in crates/record-sync.
        let own_handler = !is_server(&name) && !syncs_records(&name);
        assert_eq!(has("src/handler.rs"), own_handler, "workers/{name}/src/handler.rs");
        let main = read(&format!("workers/{name}/src/main.rs"));
        assert!(main.lines().count() <= MAIN_LINES, "workers/{name}/src/main.rs");
    }
}

#[test]
fn every_unit_has_a_test_that_starts_its_binary() {
    for parent in ["workers", "jobs"] {
        for name in folders(parent) {
            let starts = format!("CARGO_BIN_EXE_{name}\"");
            let tests = rust_files(&workspace().join(parent).join(&name).join("tests"));
            let has = |file| fs::read_to_string(file).unwrap().contains(&starts);
            assert!(tests.iter().any(has), "{parent}/{name}/tests");
        }
    }
}

#[test]
fn every_worker_has_its_handler_s_name_and_its_row_in_the_readme() {
    let readme = read("README.md");
    for name in folders("workers").into_iter().filter(|name| !is_server(name)) {
        let named = if syncs_records(&name) { "lib" } else { "handler" };
        let handler = read(&format!("workers/{name}/src/{named}.rs"));
        assert!(handler.contains(&format!("const NAME: &'static str = \"{name}\";")), "NAME of {name}");
        assert!(
            readme.contains(&format!("| [`{name}`](workers/{name}/README.md) |")),
            "row of {name} in README.md"
        );
    }
}

#[test]
fn the_example_has_a_source_of_every_connector_and_a_rule_can_name_each() {
    let example = read("deploy/cloudformation/coppice.toml");
    let config = Config::parse(&example).unwrap();
    for connector in connectors::CONNECTORS {
        assert!(config.sources().any(|source| source.connector.name == connector.name), "{connector:?}");
    }
    for source in config.sources() {
        let rule = format!("{example}\n[fields.nickname]\ntype = \"text\"\nfrom = [\"{}\"]", source.name);
        assert!(Config::parse(&rule).is_ok(), "{}", source.name);
    }
}

#[test]
fn every_server_has_its_name_its_row_in_the_readme_and_no_queue() {
    let branches = committed().branches;
    let readme = read("README.md");
    for name in servers() {
        assert!(folders("workers").iter().any(|folder| folder == name), "workers/{name}");
        assert!(
            branches.iter().all(|branch| branch.unit.name != name),
            "{name} serves calls and has no queue"
        );
        let library = read(&format!("workers/{name}/src/lib.rs"));
        assert!(library.contains(&format!("const NAME: &str = \"{name}\";")), "NAME of {name}");
        assert!(
            readme.contains(&format!("| [`{name}`](workers/{name}/README.md) |")),
            "row of {name} in README.md"
        );
    }
}

#[test]
fn the_table_of_units_has_exactly_the_units_with_a_folder() {
    let in_table = |kinds: &[Kind]| {
        let mut names: Vec<&str> = kinds.iter().flat_map(|kind| fleet::names_of(*kind)).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(in_table(&[Kind::Worker, Kind::Server]), folders("workers"), "crates/fleet/src/lib.rs");
    assert_eq!(in_table(&[Kind::Job, Kind::Hook]), folders("jobs"), "crates/fleet/src/lib.rs");
}
