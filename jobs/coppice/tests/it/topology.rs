//! `coppice topology`.

use std::fs;
use std::process::{Command, Output};

use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/cloudformation");

/// Without secrets, a database or AWS.
fn run(config: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coppice"));
    command.args(["topology", "render"]).args(arguments).env_clear().env("COPPICE_CONFIG", config);
    command.output().unwrap()
}

fn example() -> String {
    fs::read_to_string(format!("{FOLDER}/coppice.toml")).unwrap()
}

#[test]
fn topology_render_writes_the_templates_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("templates");
    let rendered = run(&example(), &["--out", out.to_str().unwrap(), "--json"]);
    assert!(rendered.status.success(), "{rendered:?}");
    let report: serde_json::Value = serde_json::from_slice(&rendered.stdout).unwrap();
    let files = ["coppice.yaml", "roles.yaml"].map(|name| out.join(name));
    assert_eq!(report, json!({"branches": 23, "files": files}));
    for name in ["coppice.yaml", "roles.yaml"] {
        let committed = fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
        assert!(fs::read_to_string(out.join(name)).unwrap() == committed, "{name}");
    }
    let apart = run(&example(), &["--out", out.to_str().unwrap(), "--alarms-apart"]);
    let said = String::from_utf8(apart.stdout).unwrap();
    assert!(said.starts_with("23 branches\n") && said.contains("alarms.yaml\n"), "{said}");
}

#[test]
fn topology_render_prints_the_templates_without_a_folder() {
    let rendered = String::from_utf8(run(&example(), &[]).stdout).unwrap();
    let committed =
        ["coppice.yaml", "roles.yaml"].map(|name| fs::read_to_string(format!("{FOLDER}/{name}")).unwrap());
    assert_eq!(rendered.trim_end(), committed.join("---\n").trim_end());
}

#[test]
fn topology_render_lists_what_stands_in_the_way() {
    let long = example().replace("[sources.persona]", "[sources.verification-of-identities]");
    let refused = run(&long, &[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("sources.verification-of-identities: the name is 7 characters too long"), "{said}");
    let missing = run(&example(), &["--out", "/proc/none"]);
    let said = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(1), "{said}");
    assert!(said.contains("/proc/none cannot be written"), "{said}");
}
