//! `deploy/coppice-job` starts a job with other arguments, prints its output and ends with its exit code.
//!
//! In: the script, and the real kubectl for commands that need no cluster. A second script plays the cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chart::{pod_spec, render, tools};

/// Answers as a cluster whose job has failed twice. Passes commands that need no cluster to the real kubectl.
const KUBECTL: &str = r#"#!/bin/sh
echo "$*" >> "$CLUSTER/calls"
case "$*" in
*"create job"*) cat "$CLUSTER/template.json" ;;
*"patch --local"*) exec "$REAL_KUBECTL" "$@" ;;
*"create --filename=-"*) cat > "$CLUSTER/created.json" ;;
*logs*) echo "what it says" ;;
*"get job"*) echo "$CONDITIONS" ;;
*"get pods"*) echo "1 4" ;;
*) exit 9 ;;
esac
"#;

struct Cluster(TempDir);

impl Cluster {
    fn new() -> Self {
        let cluster = Self(tempfile::tempdir().unwrap());
        let objects = render("minimal", "");
        let spec = &objects.get("CronJob", "dlq-redrive")["spec"]["jobTemplate"]["spec"];
        let job =
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": spec.clone()});
        fs::write(cluster.path("template.json"), job.to_string()).unwrap();
        let kubectl = cluster.path("kubectl");
        fs::write(&kubectl, KUBECTL).unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        cluster
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/coppice-job");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.path().display());
        Command::new(script)
            .args(arguments)
            .env("PATH", path)
            .env("CLUSTER", self.0.path())
            .env("REAL_KUBECTL", tools().kubectl().unwrap())
            .env("CONDITIONS", "FailureTarget Failed")
            .env("NAMESPACE", "people")
            .env("RELEASE", "fleet")
            .output()
            .unwrap()
    }

    fn arguments_of_the_job(&self) -> Value {
        let created: Value =
            serde_json::from_str(&fs::read_to_string(self.path("created.json")).unwrap()).unwrap();
        pod_spec(&created).unwrap()["containers"][0]["args"].clone()
    }
}

#[test]
fn the_job_gets_the_arguments_and_the_script_ends_with_the_exit_code_of_the_last_pod() {
    let cluster = Cluster::new();
    let reason = r#"a "quoted" word, a \ and a $sign"#;
    let said = cluster.run(&["dlq-redrive", "dlq", "drop", "sso-sync", "--reason", reason]);
    assert_eq!(said.status.code(), Some(4), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(&said.stdout), "what it says\n");
    assert_eq!(cluster.arguments_of_the_job(), json!(["dlq", "drop", "sso-sync", "--reason", reason]));
    let calls = fs::read_to_string(cluster.path("calls")).unwrap();
    assert!(calls.lines().all(|call| call.starts_with("--namespace people ")), "{calls}");
    assert!(calls.contains("--from=cronjob/fleet-dlq-redrive "), "{calls}");
}

#[test]
fn without_arguments_the_job_has_those_of_the_chart() {
    let cluster = Cluster::new();
    assert_eq!(cluster.run(&["dlq-redrive"]).status.code(), Some(4));
    assert_eq!(cluster.arguments_of_the_job(), json!(["dlq", "redrive", "--help"]));
}

#[test]
fn without_a_job_the_script_prints_its_usage() {
    let said = Cluster::new().run(&[]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("deploy/coppice-job dlq-list\n"));
}
