//! Checks that documents name existing metrics, files and alarms.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use config::Config;

use crate::{folders, read, rust_files, workspace};

/// Developers' tools.
const WITHOUT_SETTINGS: [&str; 4] = ["local-stack", "simulators", "testkit", "xtask"];

/// Every metric name, such as `coppice_messages_received_total`, in a text.
pub(crate) fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let roles: Vec<String> = fleet::with_sql_role().map(|unit| unit.sql_role(fleet::ROLE_PREFIX)).collect();
    // HubSpot's property with our key is a name, too.
    let others = |word: &str| {
        [fleet::ROLE_PREFIX, "coppice_local", "coppice_person_key"].contains(&word)
            || roles.iter().any(|role| role == word)
    };
    words.filter(|word| word.starts_with("coppice_") && !others(word)).map(str::to_owned).collect()
}

#[test]
fn the_list_of_metrics_has_exactly_the_metrics_of_the_code() {
    let deployed = ["workers", "jobs"]
        .into_iter()
        .flat_map(|parent| folders(parent).into_iter().map(move |name| format!("{parent}/{name}/src")));
    let libraries = ["worker-runtime", "worker-process", "record-sync", "provider-http", "postgres-store"];
    let libraries = libraries.map(|name| format!("crates/{name}/src"));
    let mut counted = BTreeSet::new();
    for parent in deployed.chain(libraries) {
        for file in rust_files(&workspace().join(parent)) {
            counted.extend(metrics_in(&fs::read_to_string(file).unwrap()));
        }
    }
    assert_eq!(metrics_in(&read("docs/reference/metrics.md")), counted);
}

#[test]
fn the_list_of_settings_has_exactly_the_settings_of_the_code() {
    let names_in = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let names = words.filter(|word| word.starts_with("COPPICE_") && !word.ends_with('_'));
        // The file names the secrets, and tests have settings of their own.
        let of_a_unit =
            |word: &&str| !word.starts_with("COPPICE_SECRET_") && !word.starts_with("COPPICE_TEST_");
        // `NAME_FILE` is the same setting, in a file.
        let setting = |word: &str| word.trim_end_matches("_FILE").to_owned();
        names.filter(of_a_unit).map(setting).collect()
    };
    let mut declared = BTreeSet::new();
    for parent in ["crates", "workers", "jobs"] {
        for name in folders(parent).into_iter().filter(|name| !WITHOUT_SETTINGS.contains(&name.as_str())) {
            for file in rust_files(&workspace().join(parent).join(name).join("src")) {
                let code = fs::read_to_string(file).unwrap();
                let quoted: String = code
                    .split('"')
                    .skip(1)
                    .step_by(2)
                    .filter(|text| names_in(text).len() == 1 && !text.contains(' '))
                    .map(|text| format!("{text} "))
                    .collect();
                declared.extend(names_in(&quoted));
            }
        }
    }
    assert!(declared.len() >= 40, "{}", declared.len());
    let documented = names_in(&read("docs/reference/settings.md"));
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
        these.difference(those).cloned().collect()
    };
    assert_eq!(only(&declared, &documented), [""; 0], "missing in docs/reference/settings.md");
    assert_eq!(only(&documented, &declared), [""; 0], "docs/reference/settings.md: no unit reads it");
}

#[test]
fn every_file_that_a_document_links_to_exists() {
    let of_the_project = fs::read_dir(workspace()).unwrap().map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> =
        of_the_project.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    for folder in ["crates", "deploy", "docker", "docs", "fuzz", "jobs", "migrations", "tests", "workers"] {
        documents.extend(markdown_files(&workspace().join(folder)));
    }
    assert!(documents.len() >= 60, "{} documents", documents.len());
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let elsewhere = path.is_empty() || path.starts_with("http");
            let target = document.parent().unwrap().join(path);
            assert!(elsewhere || target.exists(), "{} links to {link}", document.display());
        }
    }
}

#[test]
fn every_example_of_the_file_of_sources_can_be_read() {
    let mut read = Vec::new();
    for document in
        ["docs", "workers", "jobs", "deploy"].map(|folder| markdown_files(&workspace().join(folder)))
    {
        for document in document {
            let text = fs::read_to_string(&document).unwrap();
            for example in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
                let parsed = Config::parse(example);
                assert!(parsed.is_ok(), "{}: {}", document.display(), parsed.unwrap_err());
                read.push(document.clone());
            }
        }
    }
    let reference = |document: &PathBuf| document.ends_with("docs/reference/coppice-toml.md");
    assert!(read.iter().any(reference), "{read:?}");
}

/// Every Markdown file below a folder, except in folders that builds and package managers create.
fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            files.extend(markdown_files(&path));
        } else if name.ends_with(".md") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_alarm_has_a_runbook_and_every_runbook_has_an_alarm() {
    let template = read("deploy/cloudformation/coppice.yaml");
    let rules = read("deploy/helm/coppice/templates/prometheusrule.yaml");
    let alarms = template.split("${RunbookBaseUrl}/").skip(1);
    let linked: BTreeSet<String> = alarms
        .chain(rules.split("{{ $runbooks }}/").skip(1))
        .filter_map(|rest| rest.split_once(".md"))
        // The alarm over those of a branch links them all.
        .filter(|(name, _)| *name != "README")
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
