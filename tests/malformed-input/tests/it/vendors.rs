//! Every vendor that is listed is in the other places that name vendors. A failure names the missing place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::Config;
use connectors::CONNECTORS;
use malformed_input::{SENDERS, TARGETS};
use provider_content::ContentSettings;
use settings::Settings;

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap()
}

/// The source of this connector in the example, which the samples are of. A sender that is no source has its own name.
fn source_of(connector: &str) -> String {
    let example = Config::parse(&read("deploy/cloudformation/coppice.toml")).unwrap();
    let source = example.sources().find(|source| source.connector.name == connector);
    source.map_or_else(|| connector.to_owned(), |source| source.name.clone())
}

/// The folders of a crate's vendors.
fn folders(package: &str) -> Vec<PathBuf> {
    let source = workspace().join("crates").join(package).join("src");
    let paths = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

/// The name of a connector's module: a module's name has no hyphen.
fn module(connector: &str) -> String {
    connector.replace('-', "_")
}

#[test]
fn every_connector_has_a_folder_and_every_folder_with_a_client_a_connector() {
    let listed: BTreeSet<&str> = CONNECTORS.iter().map(|connector| connector.name).collect();
    assert_eq!(listed.len(), CONNECTORS.len(), "two connectors have one name");
    let clients = folders("connectors").into_iter().filter(|folder| folder.join("client.rs").is_file());
    let clients: Vec<String> =
        clients.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let listed: BTreeSet<String> = listed.into_iter().map(module).collect();
    let clients: BTreeSet<String> = clients.into_iter().collect();
    assert_eq!(clients, listed, "left: crates/connectors/src, right: CONNECTORS in its lib.rs");
}

#[test]
fn every_vendor_of_a_cms_has_a_folder_and_settings_that_the_help_lists() {
    let settings = ContentSettings::ALL;
    let choice = settings.iter().find(|setting| setting.name == "COPPICE_CONTENT_PROVIDER").unwrap();
    for vendor in provider_content::PROVIDER_NAMES {
        let folder = workspace().join("crates/provider-content/src").join(vendor);
        assert!(folder.is_dir(), "{vendor}: no folder {}", folder.display());
        assert!(choice.meaning.contains(vendor), "{vendor}: not in the meaning of {}", choice.name);
        let prefix = format!("COPPICE_{}_", vendor.to_uppercase());
        let listed = settings.iter().any(|setting| setting.name.starts_with(&prefix));
        assert!(listed, "{vendor}: no setting {prefix}… in the settings of provider-content");
    }
}

/// The CMS is read by cursor and sends no events.
#[test]
fn every_connector_has_a_target_here_and_a_sample_event() {
    for vendor in CONNECTORS.iter().map(|connector| connector.name) {
        let target = format!("{}_event", module(vendor));
        assert!(
            TARGETS.iter().any(|known| known.name == target),
            "{vendor}: no target {target} in tests/malformed-input/src/events.rs"
        );
        let samples = workspace().join("deploy/cloudformation/sample-events");
        let source = source_of(vendor);
        let sample = std::fs::read_dir(samples).unwrap().any(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.trim_start_matches("ingress.").starts_with(&source)
        });
        assert!(sample, "{vendor}: no sample in deploy/cloudformation/sample-events");
    }
}

#[test]
fn every_webhook_has_a_seed_here_a_sample_event_and_a_row_in_the_readme() {
    let seeds = TARGETS.into_iter().find(|target| target.name == "webhook_any").unwrap().seeds;
    let seeds = seeds();
    let readme = read("workers/webhook-ingress/README.md");
    for name in SENDERS {
        let first_line = format!("{name} signed\n");
        assert!(
            seeds.iter().any(|seed| seed.starts_with(first_line.as_bytes())),
            "{name}: no seed in tests/malformed-input/src/corpus.rs"
        );
        let sample = format!("deploy/cloudformation/sample-events/ingress.{}.json", source_of(name));
        assert!(workspace().join(&sample).is_file(), "{name}: no {sample}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name}: no row in the README of webhook-ingress");
    }
}

/// A vendor's `webhook.rs` does nothing until its `CONNECTOR` has it.
#[test]
fn every_webhook_of_a_vendor_is_tried_here() {
    for folder in folders("connectors").into_iter().filter(|folder| folder.join("webhook.rs").is_file()) {
        let vendor = folder.file_name().unwrap().to_str().unwrap();
        let connector = CONNECTORS.iter().find(|known| known.name == vendor);
        assert!(
            connector.is_some_and(|known| known.webhook.is_some()),
            "{vendor}: no webhook in its CONNECTOR"
        );
        assert!(SENDERS.contains(&vendor), "{vendor}: not in tests/malformed-input/src/webhooks.rs");
    }
}
