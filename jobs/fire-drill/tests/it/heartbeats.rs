//! Heartbeats that arrive, and heartbeats that are late.

use local_stack::wait_until;
use serde_json::{Value, json};
use testkit::PATIENCE;

use crate::stage::Stage;

fn route(report: &Value, unit: &str) -> Value {
    let routes = report["routes"].as_array().unwrap();
    routes
        .iter()
        .find(|route| route["unit"].as_str().is_some_and(|name| name.starts_with(unit)))
        .unwrap_or_else(|| panic!("{unit} in {report}"))
        .clone()
}

#[tokio::test]
async fn a_heartbeat_arrives_by_every_route_and_changes_no_other_row() {
    let stage = Stage::set().await;
    let mut workers = Vec::new();
    for unit in testkit::workers() {
        workers.push(stage.worker(unit).await);
    }
    let before = stage.rows().await;
    let said = stage.run(&["heartbeat", "--json"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json();
    for unit in testkit::workers() {
        let route = route(&report, unit);
        assert!(route["latency_secs"].as_f64().is_some_and(|secs| secs > 0.0), "{route}");
        assert_eq!((&route["waiting_secs"], &route["late"]), (&json!(0.0), &json!(false)), "{route}");
        stage.is_clean(unit).await;
    }
    assert_eq!(report["dlqs"].as_array().unwrap().len(), stage.dlqs());
    assert_eq!(stage.rows().await, before);
    assert!(workers[0].metric("coppice_heartbeats_received_total", "").await >= 1.0);
    wait_until(PATIENCE, "its alarm to be OK", async || {
        Ok((stage.alarm_state("heartbeat-late").await? == "OK").then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_heartbeat_of_a_unit_that_is_down_is_late_and_its_alarm_fires() {
    let stage = Stage::set().await;
    let first = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(first.code, Some(0), "the heartbeat has not arrived, but is not late yet: {first:?}");
    stage.texts("update heartbeat set sent_at = sent_at - interval '1 hour' returning 'shifted'").await;
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    for unit in testkit::workers() {
        assert_eq!(route(&said.json(), unit)["late"], true);
    }
    assert_eq!(stage.alarm_state("heartbeat-late").await.unwrap(), "ALARM");
    let text = stage.run(&["heartbeat", "--dry-run"]).await;
    text.says(
        1,
        &[
            "nothing was sent; the numbers are from the last heartbeat",
            "crm-sync-salesforce",
            "LATE: a heartbeat has waited 3",
        ],
    );
    assert_eq!(stage.texts("select count(*)::text from heartbeat").await, ["10"], "a dry run sends none");
}

#[tokio::test]
async fn a_partial_fleet_sends_heartbeats_only_to_its_own_units() {
    let stage = Stage::set().await;
    let _worker = stage.worker("sso-sync").await;
    stage.run(&["heartbeat", "--wait-secs", "0"]).await.says(0, &["crm-sync-salesforce"]);
    stage.texts("update heartbeat set sent_at = sent_at - interval '1 hour' returning 'shifted'").await;
    let said = stage.run(&["heartbeat", "--json", "--unit", "sso-sync-auth0"]).await;
    assert_eq!(said.code, Some(0), "the run does not wait for the units that do not run: {said:?}");
    let routes = said.json()["routes"].clone();
    assert_eq!((routes.as_array().unwrap().len(), &routes[0]["unit"]), (1, &json!("sso-sync-auth0")));
    let sent = stage.texts("select unit || ' ' || count(*) from heartbeat group by unit order by unit").await;
    assert_eq!(sent[4], "sso-sync-auth0 2", "{sent:?}");
    stage.run(&["heartbeat", "--unit", "sso-resync-auth0"]).await.says(2, &["no worker that always runs"]);
}

#[tokio::test]
async fn a_heartbeat_run_removes_messages_of_ended_drills_and_no_others() {
    let stage = Stage::set().await;
    let dlq = stage.world.topology.dlq_url("crm-sync-salesforce").unwrap();
    // A late second delivery of an event whose drill has no row any more.
    let late = json!({"id": "01890000-0000-7000-8000-000000000001", "source": "coppice.drill",
        "detail-type": "FireDrill", "time": "2026-11-24T10:00:00Z",
        "detail": {"unit": "crm-sync-salesforce", "drill": "01890000-0000-7000-8000-000000000000"}});
    for body in ["real", &late.to_string()] {
        stage.queues.send_message().queue_url(dlq).message_body(body).send().await.unwrap();
    }
    stage.run(&["heartbeat", "--wait-secs", "0"]).await.says(0, &["wait in coppice-crm-sync-salesforce-dlq"]);
    let left: Vec<String> = stage
        .world
        .dead_letters("crm-sync-salesforce", 1)
        .await
        .into_iter()
        .map(|message| message.body)
        .collect();
    assert_eq!(left, ["real"]);
}

#[tokio::test]
async fn a_breaker_that_stays_open_and_an_outbox_that_fills_reach_their_alarms() {
    let stage = Stage::set().await;
    stage
        .texts(
            "insert into upstream_breaker (upstream, open, reason, opened_at, next_probe_at) \
             values ('salesforce', true, 'timeout', now() - interval '1 hour', now()) returning upstream",
        )
        .await;
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    let watched = &said.json()["watched"];
    assert!(watched["breaker_open_secs"].as_f64().unwrap() > 3500.0, "{said:?}");
    assert_eq!(stage.alarm_state("breaker-open").await.unwrap(), "ALARM");
    assert_eq!(stage.alarm_state("outbox-age").await.unwrap(), "OK");
    assert_eq!(stage.alarm_state("drill-overdue").await.unwrap(), "ALARM", "none has ever passed");
}

#[tokio::test]
async fn a_heartbeat_that_the_bus_refuses_is_late_at_once_and_the_others_are_sent() {
    let stage = Stage::set().await;
    let accepted = r#"{"EventId":"6ac4e9d2-0000-4000-8000-000000000000"}"#;
    let refused = r#"{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"simulated"}"#;
    // In the order of the table of units.
    let entries: Vec<&str> =
        testkit::workers().map(|unit| if unit == "app-login" { refused } else { accepted }).collect();
    let entries = entries.join(",");
    let reply = format!(r#"{{"FailedEntryCount":1,"Entries":[{entries}]}}"#);
    stage.world.proxy.answer("PutEvents", 1, 200, &reply);
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let report = said.json();
    assert_eq!(report["unsent"], json!(["app-login-auth0"]));
    let faults = report["faults"].to_string();
    assert!(
        faults.contains("app-login-auth0") && faults.contains("NotAuthorizedForSourceException"),
        "{faults}"
    );
    let waiting = stage.texts("select unit from heartbeat where seen_at is null order by unit").await;
    let branches = stage.world.topology.branches();
    let mut others: Vec<&str> =
        branches.filter(|name| !name.contains("-resync-") && *name != "app-login-auth0").collect();
    others.sort_unstable();
    assert_eq!(waiting, others, "the run does not wait for the refused heartbeat");
    assert_eq!(stage.alarm_state("heartbeat-late").await.unwrap(), "ALARM");
}

#[tokio::test]
async fn the_report_names_an_inactive_partner_source_and_its_alarm_fires() {
    let stage = Stage::set().await;
    let answer = |operation: &str, body: &str| stage.world.proxy.answer(operation, 1, 200, body);
    answer("ListEventBuses", r#"{"EventBuses":[{"Name":"aws.partner/auth0.com/example-1"}]}"#);
    answer("ListRules", r#"{"Rules":[{"Name":"coppice-forward-auth0","State":"ENABLED"}]}"#);
    answer("DescribeEventSource", r#"{"Name":"aws.partner/auth0.com/example-1","State":"PENDING"}"#);
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(
        said.json()["watched"]["inactive_partner_sources"],
        json!(["aws.partner/auth0.com/example-1"]),
        "{said:?}"
    );
    assert_eq!(stage.alarm_state("partner-source-inactive").await.unwrap(), "ALARM");
}

#[tokio::test]
async fn unreadable_partner_sources_are_a_fault_and_send_no_metric() {
    let stage = Stage::set().await;
    stage.world.proxy.answer(
        "ListEventBuses",
        1,
        400,
        r#"{"__type":"AccessDeniedException","message":"simulated"}"#,
    );
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!((said.code, &said.json()["watched"]["inactive_partner_sources"]), (Some(1), &Value::Null));
    let faults = said.json()["faults"].to_string();
    assert!(faults.contains("partner sources cannot be read") && faults.contains("AccessDenied"), "{faults}");
    assert!(!stage.world.proxy.transcript_contains("coppice_partner_sources_inactive"), "a value was sent");
    assert!(stage.world.proxy.transcript_contains("coppice_heartbeats_late"), "the other metrics were sent");
    // The alarm treats missing data as a fault.
    let alarm =
        stage.alarms.describe_alarms().alarm_names("coppice-partner-source-inactive").send().await.unwrap();
    assert_eq!(alarm.metric_alarms()[0].treat_missing_data(), Some("breaching"));
}
