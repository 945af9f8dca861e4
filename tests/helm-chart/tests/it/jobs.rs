//! `CronJob`s, the migration and the tests that `helm test` runs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::chart::{pod_spec, render, tools, variable};

#[test]
fn a_job_s_own_value_overrides_the_default_even_if_it_is_0_false_or_empty() {
    let objects = render(
        "minimal",
        "
jobDefaults: {backoffLimit: 4, successfulJobsHistoryLimit: 2, suspend: true, podLabels: {a: b}}
jobs:
  doctor: {backoffLimit: 0, successfulJobsHistoryLimit: 0, suspend: false, schedule: '1 2 * * *', args: []}
  heartbeat: {enabled: false}
",
    );
    let spec = &objects.get("CronJob", "doctor")["spec"];
    assert_eq!((&spec["suspend"], &spec["schedule"]), (&json!(false), &json!("1 2 * * *")));
    assert_eq!(spec["successfulJobsHistoryLimit"], 0);
    assert_eq!(spec["jobTemplate"]["spec"]["backoffLimit"], 0);
    assert_eq!(pod_spec(objects.get("CronJob", "doctor")).unwrap()["containers"][0].get("args"), None);
    assert!(objects.find("CronJob", "heartbeat").is_none());
    let other = &objects.get("CronJob", "dlq-list")["spec"];
    assert_eq!(
        (&other["successfulJobsHistoryLimit"], &other["jobTemplate"]["spec"]["backoffLimit"]),
        (&json!(2), &json!(4))
    );
}

#[test]
fn every_job_has_limits_and_two_runs_never_overlap() {
    let objects = render("production", "");
    let jobs = objects.of_kind("CronJob");
    assert_eq!(jobs.len(), 28);
    for job in jobs {
        let name = &job["metadata"]["name"];
        let spec = &job["spec"];
        assert_eq!(spec["concurrencyPolicy"], "Forbid", "{name}");
        for limit in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
            assert!(spec[limit].is_number(), "{name}: {limit}");
        }
        let template = &spec["jobTemplate"]["spec"];
        for limit in ["activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] {
            assert!(template[limit].is_number(), "{name}: {limit}");
        }
        assert_eq!(template["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"], json!([2, 3, 4]));
        let container = &pod_spec(job).unwrap()["containers"][0];
        let watched = &template["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"];
        assert_eq!(watched, &container["name"], "{name}");
    }
    let suspended: Vec<_> = objects
        .of_kind("CronJob")
        .into_iter()
        .filter(|job| job["spec"]["suspend"] == true)
        .map(|job| job["metadata"]["name"].as_str().unwrap())
        .collect();
    let expected = [
        "crm-enqueue-salesforce",
        "dlq-list",
        "dlq-redrive",
        "doctor",
        "registry-enqueue-staff",
        "sso-enqueue-auth0",
        "sso-enqueue-okta",
    ]
    .map(|name| format!("coppice-{name}"));
    assert_eq!(suspended, expected);
}

#[test]
fn several_jobs_can_run_the_same_binary_each_with_its_own_queue() {
    let objects = render("production", "");
    for (name, queue, args) in [
        ("sso-changes-auth0", "coppice-sso-resync-auth0", json!(["auth0", "changes"])),
        ("sso-changes-okta", "coppice-sso-resync-okta", json!(["okta", "changes"])),
        (
            "crm-listing-salesforce",
            "coppice-crm-resync-salesforce",
            json!(["salesforce", "listing", "--changed-only"]),
        ),
    ] {
        let job = objects.get("CronJob", name);
        assert_eq!(
            pod_spec(job).unwrap()["containers"][0]["command"],
            json!(["/usr/local/bin/resync-enqueuer"])
        );
        assert_eq!(pod_spec(job).unwrap()["containers"][0]["args"], args, "{name}");
        assert_eq!(pod_spec(job).unwrap()["serviceAccountName"], "coppice-resync-enqueuer");
        assert!(variable(job, "COPPICE_QUEUE_URL").unwrap().ends_with(queue), "{name}");
    }
    let crm = objects.get("CronJob", "crm-resync-salesforce");
    assert_eq!(crm["spec"]["jobTemplate"]["spec"]["parallelism"], 2);
    assert_eq!(
        crm["spec"]["jobTemplate"]["spec"].get("completions"),
        None,
        "the job ends when its queue is empty"
    );
    assert_eq!(variable(crm, "COPPICE_RESYNC_REQUESTS_PER_DAY"), Some("10000"));
    assert_eq!(pod_spec(crm).unwrap()["serviceAccountName"], "coppice-crm-resync-salesforce");
    // A job gets no settings of the CMS if it does not call it.
    assert_eq!(variable(objects.get("CronJob", "audit"), "COPPICE_CONTENTFUL_SPACE"), None);
    assert!(variable(objects.get("CronJob", "content-full"), "COPPICE_CONTENTFUL_SPACE").is_some());
}

#[test]
fn what_is_too_old_is_deleted_every_night_with_ages_of_the_operator_s_choice() {
    let objects = render("minimal", "");
    let job = objects.get("CronJob", "retention");
    assert_eq!((&job["spec"]["suspend"], &job["spec"]["schedule"]), (&json!(false), &json!("53 3 * * *")));
    let container = &pod_spec(job).unwrap()["containers"][0];
    assert_eq!(container["command"], json!(["/usr/local/bin/coppice"]));
    assert_eq!(container["args"], json!(["retention"]));
    let args = r#"jobs: {retention: {args: [retention, --dead-lettered-messages-days, "30"]}}"#;
    let shorter = render("minimal", args);
    let args = &pod_spec(shorter.get("CronJob", "retention")).unwrap()["containers"][0]["args"];
    assert_eq!(args, &json!(["retention", "--dead-lettered-messages-days", "30"]));
}

#[test]
fn the_chart_writes_large_numbers_without_an_exponent() {
    let objects = render(
        "production",
        "jobs: {sso-resync: {settings: {COPPICE_RESYNC_REQUESTS_PER_DAY: 1000000}, activeDeadlineSeconds: 2000000}}",
    );
    let job = objects.get("CronJob", "sso-resync-okta");
    assert_eq!(variable(job, "COPPICE_RESYNC_REQUESTS_PER_DAY"), Some("1000000"));
    assert_eq!(job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], 2_000_000);
}

#[test]
fn the_migration_runs_before_all_other_objects_and_has_its_own_dependencies() {
    let objects = render("production", "");
    let hook = |object: &Value| {
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/hook"], "pre-install,pre-upgrade");
        assert_eq!(annotations["helm.sh/hook-delete-policy"], "before-hook-creation,hook-succeeded");
        annotations["helm.sh/hook-weight"].as_str().unwrap().parse::<i32>().unwrap()
    };
    let job = objects.get("Job", "migrate");
    let pod = pod_spec(job).unwrap();
    assert_eq!(pod["initContainers"][0]["command"][0], "/usr/local/bin/migrate");
    let apply = &pod["containers"][0];
    assert_eq!(apply["command"][0], "/usr/local/bin/coppice");
    let author = "Helm, release coppice, revision 1";
    assert_eq!(apply["args"], json!(["config", "apply", "--yes", "--author", author]));
    let file = |name: &str| objects.get("ConfigMap", name)["data"]["coppice.toml"].clone();
    assert_eq!(file("migrate"), file("config"), "what is applied is what the units read");
    for kind in ["ServiceAccount", "NetworkPolicy", "ConfigMap"] {
        assert!(hook(objects.get(kind, "migrate")) < hook(job), "{kind}");
    }
    let volumes = pod_spec(job).unwrap()["volumes"].as_array().unwrap();
    let names: Vec<_> = volumes.iter().map(|volume| volume["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["secret-database", "config", "database-ca"]);
    let own = "the units' ConfigMap does not exist yet, or is that of the release before";
    assert_eq!(volumes[1]["configMap"]["name"], "coppice-migrate", "{own}");
    assert_eq!(volumes[0]["secret"]["secretName"], "coppice-database-owner");
    let worker = pod_spec(objects.get("Deployment", "sso-sync-auth0")).unwrap();
    assert_eq!(worker["volumes"][0]["secret"]["secretName"], "coppice-database");
    let without = render("production", "migrate: {enabled: false}");
    assert!(without.of_kind("Job").is_empty() && without.find("ServiceAccount", "migrate").is_none());
}

#[test]
fn helm_test_runs_coppice() {
    let objects = render("minimal", "");
    let pod = objects.get("Pod", "test-doctor");
    assert_eq!(pod["metadata"]["annotations"]["helm.sh/hook"], "test");
    assert_eq!(pod["spec"]["containers"][0]["command"], json!(["/usr/local/bin/coppice"]));
    assert!(render("minimal", "tests: {doctor: null, dlq-list: null}").of_kind("Pod").is_empty());
}

/// Runs the patch of NOTES.txt with the real kubectl, without a cluster.
#[test]
fn the_command_in_the_notes_changes_a_job_s_arguments() {
    let objects = render("minimal", "");
    let template = &objects.get("CronJob", "dlq-redrive")["spec"]["jobTemplate"];
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "redrive-1"}, "spec": template["spec"]});
    let notes = std::fs::read_to_string(crate::chart::folder().join("templates/NOTES.txt")).unwrap();
    let (_, patch) = notes.split_once("--type=json -p \\\n      '").unwrap();
    let (patch, _) = patch.split_once('\'').unwrap();
    let mut kubectl = Command::new(tools().kubectl().unwrap())
        .args(["patch", "--local", "-f", "-", "-o", "json", "--type=json", "-p", patch])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    kubectl.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    let output = kubectl.wait_with_output().unwrap();
    let patched: Value = serde_json::from_slice(&output.stdout).unwrap();
    let args = &pod_spec(&patched).unwrap()["containers"][0]["args"];
    assert_eq!(args, &json!(["dlq", "redrive", "sso-sync-staff", "--class", "timeout"]));
}
