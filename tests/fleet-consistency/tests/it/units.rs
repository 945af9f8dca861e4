//! A unit has one name for its folder, package, binary, queue, DLQ and README.

use std::fs;

use fleet::Kind;

use crate::{folders, read, rust_files, workspace};

/// The files that every worker has.
const WORKER_FILES: &[&str] =
    &["README.md", "src/main.rs", "src/lib.rs", "src/settings.rs", "tests/it/main.rs"];

/// Workers that serve HTTP calls. They have no queue and no handler. All other rules hold for them too.
pub(crate) fn servers() -> Vec<&'static str> {
    fleet::names_of(Kind::Server).collect()
}

/// The files that only a worker with a queue has.
const OF_QUEUES: &[&str] = &["src/handler.rs", "tests/it/bad_cases.rs", "examples/panicking-{name}.rs"];

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
            assert_eq!(has(&file), !servers().contains(&name.as_str()), "workers/{name}/{file}");
        }
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
fn every_worker_has_its_queues_its_handler_s_name_and_its_row_in_the_readme() {
    let template = read("deploy/cloudformation/coppice.yaml");
    let readme = read("README.md");
    for name in folders("workers").into_iter().filter(|name| !servers().contains(&name.as_str())) {
        assert!(template.contains(&format!("${{Prefix}}-{name}\n")), "queue of {name} in the template");
        assert!(template.contains(&format!("${{Prefix}}-{name}-dlq\n")), "DLQ of {name} in the template");
        let handler = read(&format!("workers/{name}/src/handler.rs"));
        assert!(handler.contains(&format!("const NAME: &'static str = \"{name}\";")), "NAME of {name}");
        assert!(
            readme.contains(&format!("| [`{name}`](workers/{name}/README.md) |")),
            "row of {name} in README.md"
        );
    }
}

#[test]
fn a_policy_can_name_the_source_of_every_provider_of_persons() {
    let known = read("crates/authority/src/rule.rs");
    let mut sources = Vec::new();
    // Content belongs to no person, so no policy names its source.
    let of_persons = |name: &&String| name.starts_with("provider-") && *name != "provider-content";
    for role in folders("crates").iter().filter(of_persons) {
        for file in rust_files(&workspace().join("crates").join(role).join("src")) {
            let code = fs::read_to_string(file).unwrap();
            let source =
                code.split_once("pub const SOURCE: &str = \"").and_then(|(_, rest)| rest.split_once('"'));
            sources.extend(source.map(|(source, _)| source.to_owned()));
        }
    }
    assert!(sources.len() >= 6, "{sources:?}");
    for source in sources {
        assert!(known.contains(&format!("\"{source}\"")), "{source} in crates/authority/src/rule.rs");
    }
}

#[test]
fn every_server_has_its_name_its_row_in_the_readme_and_no_queue() {
    let template = read("deploy/cloudformation/coppice.yaml");
    let readme = read("README.md");
    for name in servers() {
        assert!(folders("workers").iter().any(|folder| folder == name), "workers/{name}");
        assert!(!template.contains(&format!("${{Prefix}}-{name}\n")), "{name} serves calls and has no queue");
        let library = read(&format!("workers/{name}/src/lib.rs"));
        assert!(library.contains(&format!("const NAME: &str = \"{name}\";")), "NAME of {name}");
        assert!(
            readme.contains(&format!("| [`{name}`](workers/{name}/README.md) |")),
            "row of {name} in README.md"
        );
    }
}

#[test]
fn every_queue_of_the_template_has_its_dlq() {
    let template = read("deploy/cloudformation/coppice.yaml");
    let named = |line: &str| line.trim().strip_prefix("QueueName: !Sub ${Prefix}-").map(str::to_owned);
    let queues: Vec<String> = template.lines().filter_map(named).collect();
    assert!(queues.len() >= 15, "seven queues, their DLQs, and the queue of undelivered events: {queues:?}");
    // The last two belong to no unit: no worker receives from them.
    let of_no_unit = ["undelivered", "drill-notices"];
    for queue in
        queues.iter().filter(|queue| !queue.ends_with("-dlq") && !of_no_unit.contains(&queue.as_str()))
    {
        assert!(queues.contains(&format!("{queue}-dlq")), "{queue}");
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
