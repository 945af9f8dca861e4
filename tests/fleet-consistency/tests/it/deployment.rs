//! Checks that the chart, the roles, the dashboards and the alerts name exactly the existing units.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::documents::metrics_in;
use crate::units::servers;
use crate::{folders, read, workspace};

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

/// `SsoSync` → `sso-sync`.
fn kebab_case(pascal: &str) -> String {
    let mut name = String::new();
    for character in pascal.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// The names in a template's outputs with this ending, in the spelling of units.
fn outputs(template: &str, end: &str) -> Names {
    let text = read(template);
    let (_, outputs) = text.split_once("\nOutputs:\n").unwrap();
    let named =
        outputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')?.strip_suffix(end));
    names(named.map(kebab_case))
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
fn every_queue_of_the_template_belongs_to_a_unit_of_the_chart() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let own = units.as_object().unwrap().iter().filter(|(_, facts)| facts["queue"] == "own");
    let own = names(own.map(|(name, _)| name.clone()));
    assert_eq!(outputs("deploy/cloudformation/coppice.yaml", "DlqUrl"), own);
    let of_no_unit = names(["drill-notices", "undelivered"].map(str::to_owned));
    assert_eq!(&outputs("deploy/cloudformation/coppice.yaml", "QueueUrl") - &of_no_unit, own);
}

#[test]
fn exactly_the_units_that_call_aws_have_a_role() {
    let units = yaml("deploy/helm/coppice/units.yaml");
    let callers = units.as_object().unwrap().iter().filter(|(_, facts)| facts["aws"] == true);
    let mut callers = names(callers.map(|(name, _)| name.clone()));
    callers.insert(String::from("keda"));
    assert_eq!(outputs("deploy/cloudformation/roles.yaml", "RoleArn"), callers);
    let roles = read("deploy/cloudformation/roles.yaml");
    for name in callers.iter().filter(|name| *name != "keda") {
        assert!(
            roles.contains(&format!("ServiceAccount: !Sub ${{ServiceAccountPrefix}}-{name}\n")),
            "{name}"
        );
        assert!(roles.contains(&format!("RoleName: !Sub ${{Prefix}}-{name}-${{AWS::Region}}\n")), "{name}");
    }
}

#[test]
fn operators_and_keda_may_use_every_queue_and_every_dlq_has_a_policy() {
    let roles = read("deploy/cloudformation/roles.yaml");
    let topology = read("deploy/cloudformation/coppice.yaml");
    let (_, policy) = topology.split_once("\n  DlqPolicy:\n").unwrap();
    let policy = policy.split("\n\n").next().unwrap();
    for unit in fleet::with_queue() {
        // The unit's own role, the operators' tool, which sends messages back, and KEDA, which counts them.
        let named = roles.matches(&format!(":${{Prefix}}-{}\n", unit.name)).count();
        assert!(
            named >= 3,
            "{}: {named} of 3 roles in deploy/cloudformation/roles.yaml name its queue",
            unit.name
        );
        let resource: String =
            unit.name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert!(
            policy.contains(&format!("!Ref {resource}Dlq\n")),
            "{resource}Dlq in DlqPolicy of coppice.yaml"
        );
    }
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
        looked_at += 1;
    }
    assert!(looked_at > 0);
    let rules = read("deploy/helm/coppice/templates/prometheusrule.yaml");
    assert_known(&rules, &known);
    for runbook in rules.split("{{ $runbooks }}/").skip(1).filter_map(|rest| rest.split_once('\n')) {
        assert!(workspace().join("docs/runbooks").join(runbook.0).exists(), "{}", runbook.0);
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
