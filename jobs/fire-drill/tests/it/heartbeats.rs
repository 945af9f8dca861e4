//! Heartbeats: those that arrive, and those that do not.

use local_stack::wait_until;
use serde_json::{Value, json};
use testkit::{PATIENCE, WORKERS};

use crate::stage::Stage;

fn route(report: &Value, unit: &str) -> Value {
    let routes = report["routes"].as_array().unwrap();
    routes.iter().find(|route| route["unit"] == unit).unwrap_or_else(|| panic!("{unit} in {report}")).clone()
}

#[tokio::test]
async fn a_heartbeat_arrives_by_every_route_and_no_row_of_anybody_is_touched() {
    let stage = Stage::set().await;
    let mut workers = Vec::new();
    for unit in WORKERS {
        workers.push(stage.worker(unit).await);
    }
    let before = stage.rows().await;
    let said = stage.run(&["heartbeat", "--json"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json();
    for unit in WORKERS {
        let route = route(&report, unit);
        assert!(route["latency_secs"].as_f64().is_some_and(|secs| secs > 0.0), "{route}");
        assert_eq!((&route["waiting_secs"], &route["late"]), (&json!(0.0), &json!(false)), "{route}");
        stage.is_clean(unit).await;
    }
    assert_eq!(report["dead_letters"].as_array().unwrap().len(), 8);
    assert_eq!(stage.rows().await, before);
    assert!(workers[0].metric("coppice_heartbeats_received_total", "").await >= 1.0);
    wait_until(PATIENCE, "its alarm to be content", async || {
        Ok((stage.alarm_state("heartbeat-late").await? == "OK").then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_unit_that_is_down_is_late_and_its_alarm_goes_on() {
    let stage = Stage::set().await;
    let first = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(first.code, Some(0), "it is on its way, and not late yet: {first:?}");
    stage.texts("update heartbeat set sent_at = sent_at - interval '1 hour' returning 'shifted'").await;
    let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    for unit in WORKERS {
        assert_eq!(route(&said.json(), unit)["late"], true);
    }
    assert_eq!(stage.alarm_state("heartbeat-late").await.unwrap(), "ALARM");
    let text = stage.run(&["heartbeat", "--dry-run"]).await;
    text.says(1, &["nothing was sent or measured", "crm-sync", "LATE"]);
    assert_eq!(stage.texts("select count(*)::text from heartbeat").await, ["10"], "a dry run sends none");
}

#[tokio::test]
async fn what_an_ended_drill_left_is_removed_and_real_letters_are_not() {
    let stage = Stage::set().await;
    let dead = stage.world.topology.dlq_url("crm-sync").unwrap();
    // Of a drill that nobody knows any more, as a second delivery of its event would bring it.
    let late = json!({"id": "01890000-0000-7000-8000-000000000001", "source": "coppice.drill",
        "detail-type": "FireDrill", "time": "2026-11-24T10:00:00Z",
        "detail": {"unit": "crm-sync", "drill": "01890000-0000-7000-8000-000000000000"}});
    for body in ["real", &late.to_string()] {
        stage.queues.send_message().queue_url(dead).message_body(body).send().await.unwrap();
    }
    stage.run(&["heartbeat", "--wait-secs", "0"]).await.says(0, &["wait in coppice-crm-sync-dlq"]);
    let left: Vec<String> =
        stage.world.dead_letters("crm-sync", 1).await.into_iter().map(|letter| letter.body).collect();
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
