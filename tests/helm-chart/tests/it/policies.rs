//! Checks every example with checkov's policies for Kubernetes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::chart::{EXAMPLES, every_night, render_text, tools};

/// Policies that these tests skip, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("CKV_K8S_11", "no CPU limit: a throttled worker keeps messages in flight that other pods could handle"),
    ("CKV_K8S_43", "the operator chooses a digest: the production example has one"),
    ("CKV_K8S_15", "with a digest, a pull at every start would only add a cause of failure"),
];

/// Policies that these tests skip for one kind, and why.
const SKIPPED_FOR: &[(&str, &str, &str)] = &[
    (
        "CKV_K8S_8",
        "Pod.",
        "the pods of `helm test` run one command: Kubernetes does not restart them, and they serve no calls",
    ),
    ("CKV_K8S_9", "Pod.", "as before"),
];

/// A policy that the identity `secret` breaks. That identity is for emulators: the AWS SDK reads keys from variables, or
/// from a file in a home folder, which the pods do not have.
const NOT_OF_EMULATORS: &str = "CKV_K8S_35";

/// A policy that asks for a user above 10,000. `OpenShift` chooses one, above 1,000,000,000.
const NOT_OF_OPENSHIFT: &str = "CKV_K8S_40";

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
fn every_example_meets_all_policies() {
    // The production example has most of what the others have, and checkov takes many seconds for each.
    for example in EXAMPLES.into_iter().filter(|example| every_night() || *example == "production") {
        let mut broken = broken(&render_text(example, "").unwrap());
        broken.retain(|policy| example != "emulator" || !policy.starts_with(NOT_OF_EMULATORS));
        broken.retain(|policy| example != "openshift" || !policy.starts_with(NOT_OF_OPENSHIFT));
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
