//! Every example against checkov's policies for Kubernetes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::chart::{EXAMPLES, every_night, render_text, tools};

/// Policies that are not ours, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("CKV_K8S_11", "no CPU limit: a throttled worker holds messages that others could have"),
    ("CKV_K8S_43", "a digest is for whoever installs: the production example has one"),
    ("CKV_K8S_15", "with a digest, pulling always would only add a failure"),
];

/// Policies that are not for a kind, and why.
const SKIPPED_FOR: &[(&str, &str, &str)] = &[
    ("CKV_K8S_8", "Pod.", "the pods of `helm test` run a command to its end: nobody restarts or calls them"),
    ("CKV_K8S_9", "Pod.", "as before"),
];

/// A policy that identity `secret` breaks, which is for emulators: the AWS SDK reads keys from variables, or from a file that
/// only somebody with a home folder has.
const NOT_OF_EMULATORS: &str = "CKV_K8S_35";

/// The policies that a text breaks.
fn broken(text: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rendered.yaml");
    fs::write(&file, text).unwrap();
    let skipped: Vec<&str> = SKIPPED.iter().map(|(policy, _)| *policy).collect();
    let output = Command::new(tools().checkov().unwrap())
        .args(["--framework", "kubernetes", "--skip-download", "--compact", "--output", "json"])
        .args(["--skip-check", &skipped.join(",")])
        .arg("--file")
        .arg(&file)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(report["summary"]["passed"].as_u64().unwrap() > 100, "{}", report["summary"]);
    let failed = report["results"]["failed_checks"].as_array().unwrap().iter();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    failed
        .map(|check| [text(check, "check_id"), text(check, "check_name"), text(check, "resource")])
        .filter(|[policy, _, resource]| {
            !SKIPPED_FOR.iter().any(|(skipped, kind, _)| policy == skipped && resource.starts_with(kind))
        })
        .map(|parts| parts.join(" "))
        .collect()
}

#[test]
fn every_example_keeps_all_policies() {
    // The production example has most of what the others have, and checkov takes many seconds for each.
    for example in EXAMPLES.into_iter().filter(|example| every_night() || *example == "production") {
        let mut broken = broken(&render_text(example, "").unwrap());
        broken.retain(|policy| example != "emulator" || !policy.starts_with(NOT_OF_EMULATORS));
        assert_eq!(broken, BTreeSet::new(), "{example}");
    }
}

#[test]
fn a_broken_policy_is_found() {
    let text = render_text("minimal", "").unwrap();
    let open = text.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true");
    assert_ne!(open, text);
    assert!(broken(&open).iter().any(|policy| policy.contains("CKV_K8S_20")));
}
