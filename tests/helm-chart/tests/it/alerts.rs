//! Each alert fires with one pod and little traffic, and no alert fires while everything is well.

use serde_json::Value;

use crate::chart::render;
use crate::prometheus::{Series, fires};

const HOUR: f64 = 3600.0;
/// When a fault begins: longer after the first scrape than any alert looks back.
const FAULT: f64 = 8.0 * HOUR;

fn rules() -> Vec<Value> {
    let objects = render("production", "");
    objects.of_kind("PrometheusRule")[0]["spec"]["groups"][0]["rules"].as_array().unwrap().clone()
}

/// A counter that a unit makes when it first counts, when the fault begins.
fn counter(name: &str, labels: &[(&str, &str)], count: impl Fn(f64) -> f64 + 'static) -> Series {
    Series::new(name, labels, move |at| (at >= FAULT).then(|| count(at - FAULT)))
}

fn gauge(name: &str, labels: &[(&str, &str)], bad: f64, good: f64) -> Series {
    Series::new(name, labels, move |at| Some(if at >= FAULT { bad } else { good }))
}

/// The age of one heartbeat in five minutes: what a unit without other traffic measures.
fn heartbeat_ages(late: bool) -> Vec<Series> {
    ["0.1", "600", "3600", "86400", "+Inf"]
        .map(|bound| {
            let limit: f64 = bound.parse().unwrap();
            Series::new("coppice_message_age_seconds_bucket", &[("le", bound)], move |at| {
                let late_since = if late { FAULT } else { f64::INFINITY };
                let (in_time, later) = (at.min(late_since), (at - late_since).max(0.0));
                let counted =
                    (in_time / 300.0).floor() + if limit > 7200.0 { (later / 300.0).floor() } else { 0.0 };
                Some(counted)
            })
        })
        .into()
}

/// The alert, what happens, and the series that show it.
fn faults() -> Vec<(&'static str, &'static str, Vec<Series>)> {
    let refused = [("provider", "stripe"), ("reply", "signature")];
    let upstream = [("upstream", "auth0")];
    let calls_failed = "coppice_queue_calls_failed_total";
    vec![
        (
            "CoppiceQueueCallsFail",
            "SQS refuses every receive of one pod, which waits ten seconds after each",
            vec![counter(calls_failed, &[("operation", "receive")], |after| (after * 0.0999).floor() + 1.0)],
        ),
        (
            "CoppiceQueueCallsFail",
            "SQS refuses every deletion, and only heartbeats arrive",
            vec![counter(calls_failed, &[("operation", "delete")], |after| (after / 300.0).floor() + 1.0)],
        ),
        (
            "CoppiceDeadLetters",
            "the first message of a class is dead-lettered",
            vec![counter("coppice_messages_dead_lettered_total", &[("class", "timeout")], |_| 1.0)],
        ),
        (
            "CoppiceRecordsMissing",
            "the first record is missing",
            vec![counter("coppice_messages_settled_total", &[("outcome", "missing")], |_| 1.0)],
        ),
        (
            "CoppiceWebhooksRefused",
            "the secret of a provider with few events was changed",
            vec![counter("coppice_webhooks_total", &refused, |after| (after / HOUR).floor() + 1.0)],
        ),
        (
            "CoppiceWebhooksRefused",
            "an attacker tries often, between the provider's own webhooks",
            vec![
                counter("coppice_webhooks_total", &refused, |after| (after / 60.0).floor() + 1.0),
                counter(
                    "coppice_webhooks_total",
                    &[("provider", "stripe"), ("reply", "published")],
                    |after| after,
                ),
            ],
        ),
        ("CoppiceMessagesLate", "every heartbeat is two hours late", heartbeat_ages(true)),
        ("CoppiceBreakerOpen", "a breaker opens", vec![gauge("coppice_breaker_open", &upstream, 1.0, 0.0)]),
        (
            "CoppiceDatabaseNotWritable",
            "a standby was promoted elsewhere",
            vec![gauge("coppice_database_writable", &[], 0.0, 1.0)],
        ),
        ("CoppiceOwnOutage", "the database fails the work", vec![gauge("coppice_own_outage", &[], 1.0, 0.0)]),
        (
            "CoppiceOutboxOld",
            "the bus refuses",
            vec![gauge("coppice_outbox_oldest_seconds", &[], 301.0, 0.0)],
        ),
        (
            "CoppiceIngressOutboxOld",
            "the bus refuses webhooks",
            vec![gauge("coppice_ingress_outbox_oldest_seconds", &[], 301.0, 0.0)],
        ),
    ]
}

#[test]
fn every_alert_fires_with_one_pod_and_little_traffic() {
    let rules = rules();
    let faults = faults();
    for rule in &rules {
        let alert = rule["alert"].as_str().unwrap();
        assert!(faults.iter().any(|(of, _, _)| *of == alert), "no fault makes {alert} fire");
    }
    for (alert, what, series) in &faults {
        let rule = rules.iter().find(|rule| rule["alert"] == *alert).unwrap();
        let at = fires(rule, series, 7.0, 14.0).unwrap_or_else(|| panic!("{alert} does not fire: {what}"));
        assert!(at >= FAULT, "{alert} fires before the fault: {what}");
        assert!(at <= FAULT + 3.0 * HOUR, "{alert} fires after {at} s: {what}");
    }
}

#[test]
fn no_alert_fires_without_a_fault() {
    let refused = [("provider", "stripe"), ("reply", "signature")];
    let upstream = [("upstream", "auth0")];
    let mut well = vec![
        // One call failed, long ago; and one just now.
        Series::new("coppice_queue_calls_failed_total", &[("operation", "receive")], |_| Some(7.0)),
        counter("coppice_queue_calls_failed_total", &[("operation", "delete")], |_| 1.0),
        // Counted in an earlier day of this pod.
        Series::new("coppice_messages_dead_lettered_total", &[("class", "timeout")], |_| Some(3.0)),
        Series::new("coppice_messages_settled_total", &[("outcome", "missing")], |_| Some(3.0)),
        counter("coppice_messages_settled_total", &[("outcome", "applied")], |after| after),
        // A caller without the secret, among the provider's own webhooks.
        counter("coppice_webhooks_total", &refused, |after| (after / HOUR).floor() + 1.0),
        Series::new("coppice_webhooks_total", &[("provider", "stripe"), ("reply", "published")], |at| {
            Some((at / HOUR).floor())
        }),
        gauge("coppice_breaker_open", &upstream, 0.0, 0.0),
        gauge("coppice_database_writable", &[], 1.0, 1.0),
        gauge("coppice_own_outage", &[], 0.0, 0.0),
        gauge("coppice_outbox_oldest_seconds", &[], 10.0, 0.0),
        gauge("coppice_ingress_outbox_oldest_seconds", &[], 10.0, 0.0),
    ];
    well.extend(heartbeat_ages(false));
    for rule in rules() {
        let at = fires(&rule, &well, 7.0, 14.0);
        assert_eq!(at, None, "{}", rule["alert"]);
    }
}
