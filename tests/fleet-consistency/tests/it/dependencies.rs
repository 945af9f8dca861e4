//! Dependencies between crates point in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{folders, read, rust_files, workspace};

/// The crates of this workspace that each library may depend on. Add every new library here.
const ALLOWED: &[(&str, &[&str])] = &[
    ("event-contract", &[]),
    ("fleet", &["authority"]),
    ("topology", &["authority", "config", "connectors", "event-contract", "fleet"]),
    ("settings", &[]),
    ("telemetry", &[]),
    ("sqs-queue", &[]),
    ("event-bus", &["event-contract"]),
    ("worker-runtime", &["event-contract", "sqs-queue"]),
    ("postgres-store", &["authority", "event-contract"]),
    ("provider-http", &[]),
    ("provider-webhook", &["event-contract"]),
    ("provider-content", &["provider-http", "provider-webhook", "settings"]),
    ("authority", &[]),
    ("connectors", &["authority", "event-contract", "provider-http", "provider-webhook"]),
    ("config", &["authority", "connectors", "provider-webhook", "settings"]),
    (
        "record-sync",
        &["authority", "connectors", "event-contract", "postgres-store", "provider-http", "worker-runtime"],
    ),
    (
        "worker-process",
        &[
            "config",
            "connectors",
            "event-bus",
            "event-contract",
            "postgres-store",
            "settings",
            "sqs-queue",
            "telemetry",
            "worker-runtime",
        ],
    ),
    (
        "job-process",
        &["config", "event-contract", "postgres-store", "settings", "telemetry", "worker-process"],
    ),
    (
        "resync-process",
        &[
            "event-contract",
            "job-process",
            "postgres-store",
            "provider-http",
            "record-sync",
            "settings",
            "worker-process",
            "worker-runtime",
        ],
    ),
    // It reads records and settings as the units do, with their own code.
    (
        "operations",
        &[
            "authority",
            "config",
            "connectors",
            "event-contract",
            "fleet",
            "postgres-store",
            "record-sync",
            "resync-process",
            "settings",
            "sqs-queue",
            "topology",
            "webhook-ingress",
            "worker-process",
            "worker-runtime",
        ],
    ),
    ("local-stack", &["config", "fleet", "topology"]),
    ("simulators", &[]),
    ("testkit", &["config", "event-contract", "fleet", "local-stack", "simulators"]),
    (
        "xtask",
        &[
            "config",
            "connectors",
            "event-contract",
            "fleet",
            "local-stack",
            "simulators",
            "testkit",
            "topology",
        ],
    ),
];

/// Only developers' tools and tests may depend on these.
const FOR_DEVELOPERS: &[&str] = &["local-stack", "simulators", "testkit", "xtask"];

/// Words that the consumer loop must not know.
const PRODUCT_NOUNS: &[&str] = &[
    "person",
    "auth0",
    "entra",
    "scim",
    "okta",
    "salesforce",
    "hubspot",
    "stripe",
    "persona",
    "sqlx",
    "email",
    "crm",
];

/// The packages of this workspace with their direct dependencies among them, without dev-dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let own = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        let names = normal.map(|dependency| dependency["name"].as_str().unwrap());
        names.filter(|name| ours.contains(name)).map(str::to_owned).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), own(package))).collect()
}

#[test]
fn every_crate_depends_only_on_its_allowed_crates() {
    let dependencies = dependencies();
    for name in folders("crates") {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("crates/{name}: list in ALLOWED the crates that it may depend on"));
        for dependency in &dependencies[&name] {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_workspace_s_list_is_in_the_direction_of_dependency() {
    let dependencies = dependencies();
    let manifest = read("Cargo.toml");
    let mut above = BTreeSet::new();
    for line in manifest.lines().filter(|line| line.contains("{ path = \"")) {
        let name = line.split(' ').next().unwrap();
        for dependency in &dependencies[name] {
            assert!(
                above.contains(dependency.as_str()),
                "Cargo.toml: {name} needs {dependency}, which stands below it"
            );
        }
        above.insert(name);
    }
    assert!(above.len() > 20, "{above:?}");
}

#[test]
fn no_worker_depends_on_another_and_no_unit_on_a_developer_s_tool() {
    let dependencies = dependencies();
    let workers = folders("workers");
    let jobs = folders("jobs");
    for name in workers.iter().chain(&jobs) {
        for dependency in &dependencies[name] {
            assert!(!FOR_DEVELOPERS.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
            assert!(!jobs.contains(dependency), "{name} must not depend on the job {dependency}");
            let worker_on_worker = workers.contains(name) && workers.contains(dependency);
            assert!(!worker_on_worker, "{name} must not depend on the worker {dependency}");
        }
    }
}

#[test]
fn the_consumer_loop_knows_no_product_noun() {
    for file in rust_files(&workspace().join("crates/worker-runtime/src")) {
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for noun in PRODUCT_NOUNS {
            assert!(!words.contains(noun), "{}: {noun}", file.display());
        }
    }
}

/// Cargo compiles a dependency once for each set of its features. A newcomer builds `xtask` first. If `xtask` and the
/// workspace use the same features, Cargo compiles the AWS SDK, sqlx and reqwest only once.
#[test]
fn xtask_and_the_workspace_build_dependencies_with_the_same_features() {
    let features = |selection: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p} {f}"])
            .args(selection)
            .current_dir(workspace())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
        lines.filter(|line| !line.contains('(')).map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let (alone, all) = (features(&["--package", "xtask"]), features(&["--workspace", "--all-features"]));
    assert!(alone.len() > 100, "{alone:?}");
    let packages: BTreeSet<String> = all.iter().map(|line| package(line)).collect();
    let different: Vec<&String> =
        alone.iter().filter(|line| packages.contains(&package(line)) && !all.contains(*line)).collect();
    assert!(different.is_empty(), "name these features in crates/xtask/Cargo.toml: {different:#?}");
}
