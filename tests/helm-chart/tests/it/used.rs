//! Checks that the templates use every value of the chart.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::{Map, Value, json};

use crate::chart::{every_night, folder, render_text};

/// Replacements for defaults whose changed form the schema would refuse, by the end of the path.
static OTHERS: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
    vec![
        ("image.pullPolicy", json!("Always")),
        ("image.digest", json!(format!("sha256:{}", "0".repeat(64)))),
        ("image.pullSecrets", json!(["registry"])),
        ("queues", json!({"sso-sync-auth0": {"url": "https://sqs.example/other"}})),
        ("aws.endpointUrl", json!("http://10.0.0.2:1")),
        ("aws.identity", json!("pod-identity")),
        ("serviceAccounts.roleArns", json!({"sso-sync-auth0": "arn:aws:iam::1:role/other"})),
        (".settings", json!({"COPPICE_OTHER": "1"})),
        (".keys", json!(["COPPICE_OTHER"])),
        ("topologySpread.whenUnsatisfiable", json!("ScheduleAnyway")),
        (".tolerations", json!([{"operator": "Exists"}])),
        (".topologySpreadConstraints", json!([{"maxSkew": 1}])),
        (".extraEnv", json!([{"name": "OTHER", "value": "1"}])),
        (".extraVolumes", json!([{"name": "other", "emptyDir": {}}])),
        (".extraVolumeMounts", json!([{"name": "other", "mountPath": "/other"}])),
        (".affinity", json!({"nodeAffinity": {}})),
        ("webhooks.service.type", json!("NodePort")),
        ("podDisruptionBudget.minAvailable", json!(1)),
        (".concurrencyPolicy", json!("Allow")),
        // The examples with a CRM, with a registry or with the webhooks' secrets have these enabled.
        ("webhook-ingress.enabled", json!(false)),
        ("crm-resync.enabled", json!(false)),
        ("crm-changes.enabled", json!(false)),
        ("crm-listing.enabled", json!(false)),
        ("crm-requested.enabled", json!(false)),
        ("crm-enqueue.enabled", json!(false)),
        ("registry-resync.enabled", json!(false)),
        ("registry-changes.enabled", json!(false)),
        ("registry-listing.enabled", json!(false)),
        ("registry-requested.enabled", json!(false)),
        ("registry-enqueue.enabled", json!(false)),
        ("config", json!({"phones": {"region": "DE"}})),
        ("branches", json!({"sso-sync-auth0": {"terminationGracePeriodSeconds": 90}})),
        (".args", json!(["other"])),
        ("networkPolicy.databaseTo", json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}])),
        ("networkPolicy.httpsTo", json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}])),
        ("networkPolicy.webhooksFrom", json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}])),
        ("networkPolicy.extraEgress", json!([{"ports": [{"port": 1}]}])),
        ("podMonitor.interval", json!("17s")),
        ("prometheusRule.breakerOpenFor", json!("17m")),
    ]
});

/// The paths of all leaves: scalars, lists, and maps that are empty by default.
fn leaves(value: &Value, path: &str, into: &mut Vec<(String, Value)>) {
    match value.as_object() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, into);
            }
        }
        _ => into.push((path.to_owned(), value.clone())),
    }
}

fn other(path: &str, value: &Value) -> Value {
    if let Some((_, other)) = OTHERS.iter().find(|(end, _)| path.ends_with(end)) {
        return other.clone();
    }
    match value {
        Value::Bool(value) => json!(!value),
        Value::Number(value) => json!(value.as_i64().unwrap() + 1),
        Value::String(value) => json!(format!("{value}x")),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({"other": "value"}),
        Value::Null => panic!("{path}: a default that is null cannot be overridden by Helm's rules"),
    }
}

/// Of so many parts of the values, one is tried in each run: a value takes a second.
const PARTS: usize = 8;

/// Other values in each run; `cargo xtask nightly --only chart` tries all of them.
pub(crate) fn part<T>(all: Vec<T>) -> Vec<T> {
    let part = std::process::id() as usize % PARTS;
    println!("part {part} of {PARTS}");
    all.into_iter().skip(part).step_by(PARTS).collect()
}

pub(crate) fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, key| Value::Object(Map::from_iter([(key.to_owned(), inner)])))
}

#[test]
fn a_change_of_any_value_changes_the_rendered_text_or_fails_a_validation() {
    let text = std::fs::read_to_string(folder().join("values.yaml")).unwrap();
    let defaults: Value = serde_saphyr::from_str(&text).unwrap();
    let mut all = Vec::new();
    leaves(&defaults, "", &mut all);
    // Skip entries without values of their own. The defaults have all values that an entry can have.
    all.retain(|(path, value)| {
        let is_entry = path.matches('.').count() == 1 && path.starts_with("workers.");
        !(is_entry && value == &json!({}))
    });
    assert!(all.len() > 150, "{}", all.len());
    if !every_night() {
        all = part(all);
    }
    let examples = ["production", "tainted-nodes", "emulator"];
    let before = examples.map(|example| render_text(example, "").unwrap());
    let (next, unused) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((path, value)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let values = at(path, other(path, value)).to_string();
                    let used = examples.iter().zip(&before).any(|(example, before)| {
                        match render_text(example, &values) {
                            Ok(after) => &after != before,
                            Err(said) if said.contains("These values would not work") => true,
                            Err(said) => panic!("{path}: {said}"),
                        }
                    });
                    if !used {
                        unused.lock().unwrap().push(path.clone());
                    }
                }
            });
        }
    });
    assert_eq!(unused.into_inner().unwrap(), Vec::<String>::new(), "no template uses these");
}
