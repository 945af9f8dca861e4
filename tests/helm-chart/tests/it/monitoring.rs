//! The objects that monitor the fleet from within the cluster, as Prometheus and its operator read them.
//!
//! Kubernetes' schemas do not know these objects. So the tests compare each part with its subject: ports with the pods'
//! ports, queries with Prometheus's own grammar, runbooks with the files.

use promql_parser::parser;
use serde_json::Value;

use crate::chart::{folder, pod_spec, render, workspace};

/// Values that enable the pod monitor, the rules, and the scaling by the breaker's metric.
const EVERYTHING: &str = r#"
podMonitor: {enabled: true}
prometheusRule: {enabled: true, runbookBaseUrl: "https://runbooks.example.com"}
grafanaDashboards: {enabled: true}
workerDefaults: {keda: {enabled: true, prometheusUrl: "http://prometheus.monitoring:9090"}}
"#;

fn texts<'a>(values: &'a Value, field: &str) -> Vec<&'a str> {
    values.as_array().unwrap().iter().filter_map(|value| value[field].as_str()).collect()
}

#[test]
fn the_pod_monitor_finds_every_worker_by_its_labels_and_its_port() {
    let objects = render("production", EVERYTHING);
    let monitors = objects.of_kind("PodMonitor");
    let [monitor] = monitors.as_slice() else { panic!("{} monitors", monitors.len()) };
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(!wanted.is_empty());
    let ports = texts(&monitor["spec"]["podMetricsEndpoints"], "port");
    let workers = objects.of_kind("Deployment");
    assert!(workers.len() > 4);
    for worker in workers {
        let labels = worker["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
        assert!(
            wanted.iter().all(|(name, value)| labels.get(name) == Some(value)),
            "{}",
            worker["metadata"]["name"]
        );
        let named = texts(&pod_spec(worker).unwrap()["containers"][0]["ports"], "name");
        assert!(ports.iter().all(|port| named.contains(port)), "{named:?} has none of {ports:?}");
    }
}

#[test]
fn prometheus_accepts_every_rule_and_every_rule_has_a_runbook() {
    let objects = render("production", EVERYTHING);
    let rules = objects.of_kind("PrometheusRule")[0]["spec"]["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 4);
    for rule in rules {
        let alert = rule["alert"].as_str().unwrap();
        parser::parse(rule["expr"].as_str().unwrap()).unwrap_or_else(|error| panic!("{alert}: {error}"));
        if let Some(duration) = rule["for"].as_str() {
            promql_parser::util::parse_duration(duration).unwrap_or_else(|error| panic!("{alert}: {error}"));
        }
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{alert}");
        assert!(rule["annotations"]["summary"].is_string(), "{alert}");
        let runbook = rule["annotations"]["runbook_url"].as_str().unwrap();
        let file = runbook.strip_prefix("https://runbooks.example.com/").unwrap();
        assert!(workspace().join("docs/runbooks").join(file).is_file(), "{alert}: {file}");
    }
}

#[test]
fn prometheus_accepts_every_query_of_the_dashboard_and_of_the_scaling() {
    let dashboard = std::fs::read_to_string(folder().join("dashboards/fleet.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["targets"].is_array());
    let mut queries: Vec<String> = panels
        .flat_map(|panel| texts(&panel["targets"], "expr"))
        // Values that Grafana substitutes before it sends the query.
        .map(|query| query.replace("$__rate_interval", "5m"))
        .collect();
    assert!(queries.len() > 4);
    let objects = render("production", EVERYTHING);
    for scaled in objects.of_kind("ScaledObject") {
        let triggers = scaled["spec"]["triggers"].as_array().unwrap().iter();
        queries
            .extend(triggers.filter_map(|trigger| trigger["metadata"]["query"].as_str()).map(str::to_owned));
    }
    assert!(queries.iter().any(|query| query.contains("or vector(0)")), "none of a scaled object");
    for query in queries {
        parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}
