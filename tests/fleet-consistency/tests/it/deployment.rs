//! Checks that the chart, the roles, the dashboards and the alerts name exactly the existing units.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::documents::metrics_in;
use crate::units::servers;
use crate::{committed, folders, read, workspace};

type Names = BTreeSet<String>;

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn keys(value: &Value) -> Names {
    value.as_object().unwrap().keys().cloned().collect()
}

fn names(names: impl IntoIterator<Item = String>) -> Names {
    names.into_iter().collect()
}

/// The units of `units.yaml` of one kind.
fn of_kind(units: &Value, kind: &str) -> Names {
    let units = units.as_object().unwrap().iter();
    names(units.filter(|(_, facts)| facts["kind"] == kind).map(|(name, _)| name.clone()))
}

#[test]
fn the_chart_knows_every_unit_and_no_other() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let values = yaml("deploy/helm/coppice/values.yaml");
    assert_eq!(of_kind(&units, "worker"), names(folders("workers")));
    let jobs: Names = &of_kind(&units, "job") | &of_kind(&units, "hook");
    assert_eq!(jobs, names(folders("jobs")));
    assert_eq!(keys(&values["workers"]), names(folders("workers")));
    let entries = values["jobs"].as_object().unwrap().iter();
    let run = entries.map(|(name, job)| job["unit"].as_str().unwrap_or(name).to_owned());
    assert_eq!(names(run), of_kind(&units, "job"), "every job has a CronJob, and no CronJob another binary");
    for name in servers() {
        assert_eq!(units[name]["server"], true, "{name}");
    }
}

#[test]
fn every_unit_with_a_queue_has_a_branch_in_the_committed_template() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let own = units.as_object().unwrap().iter().filter(|(_, facts)| facts["queue"] == "own");
    let own = names(own.map(|(name, _)| name.clone()));
    assert_eq!(names(committed().branches.iter().map(|branch| branch.unit.name.to_owned())), own);
}

#[test]
fn exactly_the_branches_and_units_that_call_aws_have_a_role() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let callers = units.as_object().unwrap().iter().filter(|(_, facts)| facts["aws"] == true);
    let model = committed();
    let branches = |unit: &String| {
        let of_unit = model.branches.iter().filter(|branch| branch.unit.name == *unit);
        of_unit.map(topology::Branch::name).collect::<Vec<_>>()
    };
    let mut expected = Names::new();
    for (unit, facts) in callers {
        expected.extend(if facts["queue"] == "own" { branches(unit) } else { vec![unit.clone()] });
    }
    expected.insert(String::from("keda"));
    assert_eq!(names(model.roles.iter().map(|role| role.name.clone())), expected);
}

#[test]
fn dashboards_and_alerts_name_existing_units_and_metrics() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let own = units.as_object().unwrap().iter().filter(|(_, facts)| facts["queue"] == "own");
    let own = names(own.map(|(name, _)| name.clone()));
    // Prometheus does not have the metrics that are in CloudWatch alone.
    let metrics = read("docs/reference/metrics.md");
    let known = metrics_in(metrics.split("## In CloudWatch").next().unwrap());
    let folder = workspace().join("deploy/helm/coppice/dashboards");
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let unit = variables.iter().find(|variable| variable["name"] == "unit").unwrap();
        assert_eq!(names(unit["query"].as_str().unwrap().split(',').map(str::to_owned)), own);
        for server in servers() {
            assert!(text.contains(&format!("\"title\": \"{server}: ")), "a panel of {server}");
        }
        assert_known(&text, &known);
        assert_grouped_by_known_labels(&text, &metrics);
        looked_at += 1;
    }
    assert!(looked_at > 0);
    let rules = read("deploy/helm/coppice/templates/prometheusrule.yaml");
    assert_known(&rules, &known);
    assert_grouped_by_known_labels(&rules, &metrics);
    for runbook in rules.split("{{ $runbooks }}/").skip(1).filter_map(|rest| rest.split_once('\n')) {
        assert!(workspace().join("docs/runbooks").join(runbook.0).exists(), "{}", runbook.0);
    }
}

/// A sum by a label that no metric has puts all its series into one.
fn assert_grouped_by_known_labels(text: &str, page: &str) {
    let cells = page.lines().filter_map(|row| row.strip_prefix("| `")?.split('|').nth(1));
    let mut known: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    // Of every series, and of histograms.
    known.extend(["unit", "branch", "le"]);
    for labels in text.split(" by (").skip(1).filter_map(|rest| rest.split(')').next()) {
        for label in labels.split(", ") {
            assert!(known.contains(label), "no metric of docs/reference/metrics.md has the label {label}");
        }
    }
}

fn assert_known(text: &str, known: &Names) {
    let named = metrics_in(text);
    assert!(named.len() >= 5, "{named:?}");
    for name in named {
        assert!(
            known.contains(name.trim_end_matches("_bucket")),
            "{name} is not in docs/reference/metrics.md"
        );
    }
}
