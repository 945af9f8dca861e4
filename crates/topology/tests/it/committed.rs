//! The committed templates are the rendering of the committed file, and are what the issue of a lost message depends on.

use std::path::Path;

use connectors::CONNECTORS;
use serde_json::Value;
use topology::{Alarms, templates};

use crate::{config, example};

#[test]
fn the_committed_templates_are_rendered_from_the_committed_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cloudformation");
    for (name, text) in templates(&example(), Alarms::Within).unwrap().files() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(committed == text, "deploy/cloudformation/{name} is out of date: run `cargo xtask generate`");
    }
}

#[test]
fn the_file_has_a_source_of_each_connector() {
    for connector in CONNECTORS {
        assert!(
            example().sources().any(|source| source.connector.name == connector.name),
            "deploy/cloudformation/coppice.toml has no source of {}",
            connector.name
        );
    }
}

/// A text that YAML folds may get a line break at its end, which an ARN may not have.
#[test]
fn the_yaml_says_what_the_template_says() {
    let all = templates(&example(), Alarms::Apart).unwrap();
    let values = [&all.topology, all.alarms.as_ref().unwrap(), &all.roles];
    let files = all.files();
    assert_eq!(files.len(), values.len());
    for ((name, text), value) in files.iter().zip(values) {
        assert_eq!(&serde_saphyr::from_str::<Value>(text).unwrap(), value, "{name}");
    }
}

#[test]
fn the_order_of_sources_in_the_file_changes_nothing() {
    let (one, other) = (crate::source("a", "scim", &[]), crate::source("b", "persona", &[]));
    let files = |text: String| templates(&config(&text), Alarms::Within).unwrap().files();
    assert_eq!(files(format!("{one}{other}")), files(format!("{other}{one}")));
}
