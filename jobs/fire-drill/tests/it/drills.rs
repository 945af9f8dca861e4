//! Drills that pass, and drills that stay open.

use local_stack::wait_until;
use serde_json::json;
use testkit::PATIENCE;

use crate::stage::Stage;

#[tokio::test]
async fn a_healthy_fleet_passes_and_the_drill_changes_no_other_row() {
    let stage = Stage::set().await;
    let mut workers = Vec::new();
    for unit in testkit::workers() {
        workers.push(stage.worker(unit).await);
    }
    let before = stage.rows().await;
    let said = stage.run(&["run", "--json", "--alarm-wait-secs", "60"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for unit in said.json().as_array().unwrap() {
        let name = unit["unit"].as_str().unwrap();
        let hops: Vec<&str> =
            unit["hops"].as_array().unwrap().iter().map(|hop| hop["hop"].as_str().unwrap()).collect();
        if name.contains("-resync-") {
            assert_eq!((&unit["result"], &hops[..]), (&json!("pending"), &["put"][..]), "{unit}");
            continue;
        }
        assert_eq!(unit["result"], "passed", "{unit}");
        assert_eq!(hops, ["put", "worker", "alarm", "notification", "cleanup"], "{unit}");
        if name != "undelivered" {
            stage.is_clean(name).await;
        }
    }
    assert!(stage.world.undelivered().await.is_empty());
    assert_eq!(stage.rows().await, before, "no person, record, sign-in, announcement or failed attempt");
    let passed = "select count(*)::text from fire_drill where passed";
    assert_eq!(stage.texts(passed).await, ["6"], "five workers, and the queue of undelivered events");
}

#[tokio::test]
async fn a_heartbeat_ends_the_drill_of_a_resync_queue_after_its_job_has_run() {
    let stage = Stage::set().await;
    let (said, report) = stage.drill("crm-resync-salesforce", &[]).await;
    assert_eq!((said.code, &report["result"]), (Some(0), &json!("pending")), "{said:?}");
    let (again, second) = stage.drill("crm-resync-salesforce", &[]).await;
    assert_eq!(second["drill_id"], report["drill_id"], "the second run joins the open drill: {again:?}");
    assert_eq!(stage.world.queue_depth("crm-resync-salesforce").await, (1, 0));

    // The same handler drains the queue, as in the scheduled job.
    let mut job = stage.world.start_worker(testkit::unit_binary("crm-sync"), "crm-resync", &[]).await;
    stage.world.dead_letters("crm-resync-salesforce", 1).await;
    job.stop().await;
    wait_until(PATIENCE, "a heartbeat to see the end", async || {
        let said = stage.run(&["heartbeat", "--json", "--wait-secs", "0"]).await;
        let drills = said.json()["drills"].clone();
        Ok(drills.as_array().unwrap().iter().any(|drill| drill["standing"] == "passed").then_some(()))
    })
    .await
    .unwrap();
    stage.is_clean("crm-resync-salesforce").await;
}

#[tokio::test]
async fn the_next_run_resumes_a_killed_drill_and_two_runs_share_one_drill() {
    // Build the binary before the drill starts.
    testkit::unit_binary("sso-sync");
    let stage = Stage::set().await;
    let killed = stage.start(&["run", "--unit", "sso-sync-auth0"]);
    wait_until(PATIENCE, "the poison to be sent", async || {
        Ok((stage.world.queue_depth("sso-sync-auth0").await.0 == 1).then_some(()))
    })
    .await
    .unwrap();
    killed.kill();
    killed.end().await;
    let _worker = stage.worker("sso-sync").await;
    let (first, second) =
        tokio::join!(stage.drill("sso-sync-auth0", &[]), stage.drill("sso-sync-auth0", &[]));
    for (said, report) in [first, second] {
        assert_eq!((said.code, &report["result"]), (Some(0), &json!("passed")), "{said:?}");
    }
    assert_eq!(stage.texts("select count(*)::text from fire_drill").await, ["1"]);
    stage.is_clean("sso-sync-auth0").await;
}

#[tokio::test]
async fn a_stopped_drill_stays_open_and_reports_it() {
    let stage = Stage::set().await;
    let job = stage.start(&["run", "--unit", "sso-sync-auth0"]);
    wait_until(PATIENCE, "the poison to be sent", async || {
        Ok((stage.world.queue_depth("sso-sync-auth0").await.0 == 1).then_some(()))
    })
    .await
    .unwrap();
    job.terminate();
    job.end().await.says(5, &["pending", "heartbeats resume the open drills"]);
    assert_eq!(stage.texts("select unit from fire_drill where ended_at is null").await, ["sso-sync-auth0"]);
}

#[tokio::test]
async fn the_job_does_not_drill_a_unit_with_messages_in_its_dlq_and_the_messages_stay() {
    let stage = Stage::set().await;
    let dlq = stage.world.topology.dlq_url("crm-sync-salesforce").unwrap();
    stage.queues.send_message().queue_url(dlq).message_body("real").send().await.unwrap();
    let (said, report) = stage.drill("crm-sync-salesforce", &[]).await;
    assert_eq!((said.code, &report["result"]), (Some(4), &json!("not_drilled")), "{said:?}");
    assert!(report["reason"].as_str().unwrap().contains("1 message(s) wait"), "{report}");
    assert_eq!(stage.texts("select count(*)::text from fire_drill").await, ["0"]);
    assert_eq!(stage.world.dead_letters("crm-sync-salesforce", 1).await[0].body, "real");
}

#[tokio::test]
async fn a_dry_run_prints_the_messages_and_sends_none() {
    let stage = Stage::set().await;
    let said = stage.run(&["run", "--dry-run"]).await;
    said.says(0, &["nothing was sent", "source coppice.ingress.auth0, rule coppice-sso-sync-auth0-ingress"]);
    for unit in testkit::workers() {
        stage.is_clean(unit).await;
    }
    assert_eq!(stage.texts("select count(*)::text from fire_drill").await, ["0"]);
    let disable =
        stage.events.disable_rule().event_bus_name("coppice").name("coppice-crm-sync-salesforce-drill");
    disable.send().await.unwrap();
    stage.run(&["run", "--dry-run"]).await.says(1, &["would stop at rule", "aws events enable-rule"]);
}
