//! Documents name what there is.

use std::collections::BTreeSet;
use std::fs;

use crate::{folders, read, rust_files, workspace};

/// Every text like `coppice_messages_received_total` in a text.
pub(crate) fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("coppice_") && *word != "coppice_local").map(str::to_owned).collect()
}

#[test]
fn the_list_of_metrics_is_the_code_s() {
    let deployed = ["workers", "jobs"]
        .into_iter()
        .flat_map(|parent| folders(parent).into_iter().map(move |name| format!("{parent}/{name}/src")));
    let libraries = ["worker-runtime", "worker-process", "provider-http", "postgres-store"];
    let libraries = libraries.map(|name| format!("crates/{name}/src"));
    let mut counted = BTreeSet::new();
    for parent in deployed.chain(libraries) {
        for file in rust_files(&workspace().join(parent)) {
            counted.extend(metrics_in(&fs::read_to_string(file).unwrap()));
        }
    }
    assert_eq!(metrics_in(&read("docs/metrics.md")), counted);
}

#[test]
fn every_file_that_a_document_links_to_is_there() {
    for document in [
        "README.md",
        "docs/ARCHITECTURE.md",
        "docs/adding-a-worker.md",
        "docs/adding-a-provider.md",
        "docs/authority.md",
        "docs/metrics.md",
        "docs/performance.md",
        "tests/benchmark/peers/README.md",
        "docs/resync.md",
        "docs/runbooks/README.md",
        "docs/runbooks/dlq-not-empty.md",
        "docs/runbooks/dead-letters-expire.md",
        "docs/runbooks/queue-too-old.md",
        "docs/runbooks/heartbeat-late.md",
        "docs/runbooks/drill-overdue.md",
        "jobs/resync-enqueuer/README.md",
        "jobs/sso-resync/README.md",
        "jobs/crm-resync/README.md",
        "workers/sso-sync/README.md",
        "jobs/fire-drill/README.md",
        "deploy/cloudformation/README.md",
        "deploy/helm/coppice/README.md",
        "jobs/content-etl/README.md",
        "jobs/coppice/README.md",
    ] {
        let folder = workspace().join(document).parent().unwrap().to_owned();
        for link in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let elsewhere = path.is_empty() || path.starts_with("http");
            assert!(elsewhere || folder.join(path).exists(), "{document} links to {link}");
        }
    }
}

#[test]
fn every_alarm_s_runbook_is_there_and_every_runbook_is_some_alarm_s() {
    let template = read("deploy/cloudformation/coppice.yaml");
    let linked: BTreeSet<String> = template
        .split("${RunbookBaseUrl}/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".md"))
        .map(|(name, _)| format!("{name}.md"))
        .collect();
    let folder = workspace().join("docs/runbooks");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(linked, there);
    let index = read("docs/runbooks/README.md");
    for name in there {
        assert!(index.contains(&format!("]({name}) |")), "{name} in docs/runbooks/README.md");
    }
}
