//! Each hop fails in one test, and the drill names it.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use local_stack::wait_until;
use testkit::PATIENCE;

use crate::stage::Stage;

#[tokio::test]
async fn a_drill_finds_a_disabled_rule() {
    let stage = Stage::set().await;
    let _worker = stage.worker("sso-sync").await;
    // The drill's own event does not need this rule, but a drill checks every rule of the unit.
    let rule = "coppice-sso-sync-auth0-stream";
    stage.events.disable_rule().event_bus_name("coppice").name(rule).send().await.unwrap();
    let fix = format!("aws events enable-rule --event-bus-name coppice --name {rule}");
    stage.breaks_at("sso-sync-auth0", "rule", &["is disabled", &fix], &[]).await;
}

#[tokio::test]
async fn a_drill_finds_a_rule_without_its_target() {
    let stage = Stage::set().await;
    let rule = "coppice-crm-sync-salesforce-drill";
    let call = stage.events.remove_targets().event_bus_name("coppice").rule(rule).ids("crm-sync-salesforce");
    call.send().await.unwrap();
    stage.breaks_at("crm-sync-salesforce", "rule", &[rule, "does not target the queue"], &[]).await;
}

#[tokio::test]
async fn a_drill_finds_a_missing_queue_policy() {
    let stage = Stage::set().await;
    let queue = stage.world.topology.queue_url("app-login-auth0").unwrap();
    let none = HashMap::from([(QueueAttributeName::Policy, String::new())]);
    stage.queues.set_queue_attributes().queue_url(queue).set_attributes(Some(none)).send().await.unwrap();
    stage.breaks_at("app-login-auth0", "queue_policy", &["does not let the rule send"], &[]).await;
}

#[tokio::test]
async fn a_drill_finds_a_missing_dlq() {
    let stage = Stage::set().await;
    let dlq = stage.world.topology.dlq_url("sso-sync-auth0").unwrap();
    stage.queues.delete_queue().queue_url(dlq).send().await.unwrap();
    stage.breaks_at("sso-sync-auth0", "dlq", &["coppice-sso-sync-auth0-dlq does not exist"], &[]).await;
}

#[tokio::test]
async fn a_drill_finds_a_worker_that_is_down_and_touches_no_live_message() {
    let stage = Stage::set().await;
    stage.world.enqueue("sso-sync-auth0", "real").await;
    let words = [
        "does not receive it",
        "2 message(s) wait in coppice-sso-sync-auth0",
        "Check that sso-sync-auth0 runs",
    ];
    stage.breaks_at("sso-sync-auth0", "worker", &words, &["--worker-wait-secs", "3"]).await;
    assert_eq!(
        stage.world.queue_depth("sso-sync-auth0").await,
        (2, 0),
        "the job may not receive from this queue"
    );
    // The worker dead-letters both, and a heartbeat removes the drill's.
    let _worker = stage.worker("sso-sync").await;
    stage.world.dead_letters("sso-sync-auth0", 2).await;
    stage.run(&["heartbeat", "--wait-secs", "0"]).await.says(0, &[]);
    let left = stage.world.dead_letters("sso-sync-auth0", 1).await;
    assert_eq!(left.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["real"]);
}

#[tokio::test]
async fn a_drill_finds_an_alarm_with_disabled_actions() {
    let stage = Stage::set().await;
    let alarm = "coppice-crm-account-salesforce-dlq-depth";
    stage.alarms.disable_alarm_actions().alarm_names(alarm).send().await.unwrap();
    let fix = format!("aws cloudwatch enable-alarm-actions --alarm-names {alarm}");
    stage.breaks_at("crm-account-salesforce", "alarm", &[&fix], &[]).await;
}

#[tokio::test]
async fn a_drill_finds_a_missing_alarm() {
    let stage = Stage::set().await;
    stage.alarms.delete_alarms().alarm_names("coppice-sso-sync-auth0-dlq-depth").send().await.unwrap();
    stage
        .breaks_at("sso-sync-auth0", "alarm", &["coppice-sso-sync-auth0-dlq-depth does not exist"], &[])
        .await;
}

/// The alarm is configured correctly, but no metric reaches it.
#[tokio::test]
async fn a_drill_finds_an_alarm_that_does_not_fire_and_removes_its_message() {
    let mut stage = Stage::set().await;
    let _worker = stage.worker("sso-sync").await;
    stage.metrics = local_stack::QueueMetrics::start("http://127.0.0.1:9");
    stage.breaks_at("sso-sync-auth0", "alarm", &["does not fire"], &["--alarm-wait-secs", "3"]).await;
    stage.is_clean("sso-sync-auth0").await;
}

#[tokio::test]
async fn a_drill_finds_an_alarm_without_a_notification() {
    let stage = Stage::set().await;
    let _worker = stage.worker("sso-sync").await;
    let notices = stage.world.topology.output("DrillNoticesQueueUrl").unwrap().to_owned();
    // The test purges the queue of notifications repeatedly, so that each notification is lost.
    let started = stage.start(&["run", "--unit", "sso-sync-auth0", "--json", "--alarm-wait-secs", "5"]);
    wait_until(PATIENCE, "the drill to end", async || {
        stage.queues.purge_queue().queue_url(&notices).send().await.ok();
        let ended = stage.texts("select broken_hop from fire_drill where ended_at is not null").await;
        Ok((!ended.is_empty()).then_some(()))
    })
    .await
    .unwrap();
    started.end().await.says(1, &["\"notification\"", "no notification arrived"]);
    stage.is_clean("sso-sync-auth0").await;
}
