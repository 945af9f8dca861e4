//! Validates every example with the schemas of three versions of Kubernetes.

use std::fs;
use std::process::Command;

use crate::chart::{EXAMPLES, Objects, every_night, render_text, tools, workspace};

const VERSIONS: [&str; 3] = ["1.34", "1.35", "1.36"];

/// All of them in the nightly run, else the newest.
fn versions() -> impl Iterator<Item = &'static str> {
    VERSIONS.into_iter().skip(if every_night() { 0 } else { VERSIONS.len() - 1 })
}

/// Kinds of extensions. The validator does not know them and only warns about them. The tests of each extension check
/// its objects.
const EXTENSIONS: [&str; 4] = ["ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule"];

/// The faults that the validator finds in a text, if any.
fn faults(version: &str, text: &str) -> Option<String> {
    let own = Objects::parse(text);
    let own = own.all().filter(|object| !EXTENSIONS.contains(&object["kind"].as_str().unwrap()));
    let documents: Vec<String> = own.map(|object| format!("---\n{object}\n")).collect();
    assert!(!documents.is_empty());
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), documents.concat()).unwrap();
    let mut command = Command::new(tools().kubernetes_validate().unwrap());
    let output = command.args(["--strict", "-k", version]).arg(file.path()).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    // For an unknown kind or API version the validator warns, but ends with exit code 0.
    (!output.status.success() || said.contains("WARN")).then_some(said)
}

#[test]
fn every_example_is_valid_for_three_versions_of_kubernetes() {
    for example in EXAMPLES {
        let text = render_text(example, "").unwrap();
        for version in versions() {
            assert_eq!(faults(version, &text), None, "{example} on {version}");
        }
    }
}

#[test]
fn the_local_cluster_is_valid_for_three_versions_of_kubernetes() {
    let read = |file: &str| fs::read_to_string(workspace().join("deploy/kind").join(file)).unwrap();
    // The outputs of a stack: `up` takes those of one that it deploys.
    let url = |output: &str| serde_json::json!({"OutputKey": output, "OutputValue": format!("http://10.0.0.1/{output}")});
    let branches =
        ["SsoSyncScimQueueUrl", "SsoSyncScimDlqUrl", "SsoResyncScimQueueUrl", "SsoResyncScimDlqUrl"];
    let mut outputs = vec![serde_json::json!({"OutputKey": "BusName", "OutputValue": "coppice"})];
    outputs.extend(branches.map(url));
    let outputs = serde_json::json!({"stackOutputs": outputs});
    let chart =
        render_text("", &format!("{}\n{}", read("values.yaml"), serde_saphyr::to_string(&outputs).unwrap()));
    for (what, text) in [("the chart", chart.unwrap()), ("its dependencies", read("dependencies.yaml"))] {
        for version in versions() {
            assert_eq!(faults(version, &text), None, "{what} on {version}");
        }
    }
}

#[test]
fn the_validator_refuses_an_invalid_object() {
    let text = render_text("minimal", "").unwrap();
    for (right, wrong) in [
        ("replicas: 2", "replicas: two"),
        ("revisionHistoryLimit:", "revisionHistoryLimits:"),
        ("apiVersion: policy/v1", "apiVersion: policy/v1beta1"),
        ("kind: CronJob", "kind: ChronJob"),
    ] {
        let broken = text.replacen(right, wrong, 1);
        assert_ne!(broken, text);
        assert!(faults(VERSIONS[2], &broken).is_some(), "{wrong}");
    }
}
