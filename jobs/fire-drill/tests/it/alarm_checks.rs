//! `check-alarms` finds each fault, and none in a healthy stack.

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use serde_json::Value;

use crate::stage::Stage;

/// The alarms with faults, and the faults of each as one text.
async fn faults(stage: &Stage) -> Vec<(String, String)> {
    let said = stage.run(&["check-alarms", "--json"]).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let report = said.json();
    let faulty = report.as_array().unwrap().iter().filter_map(|alarm| {
        let faults: Vec<String> = alarm["faults"].as_array().unwrap().iter().map(text).collect();
        (!faults.is_empty()).then(|| (text(&alarm["alarm"]), faults.join("; ")))
    });
    let faulty: Vec<_> = faulty.collect();
    assert_eq!(said.code, Some(i32::from(!faulty.is_empty())), "{said:?}");
    faulty
}

/// Records a passed drill of every unit, this long ago.
async fn drilled(stage: &Stage, days_ago: u32) {
    for unit in [
        "sso-sync-auth0",
        "app-login-auth0",
        "crm-sync-salesforce",
        "identity-verification-stripe",
        "crm-account-salesforce",
        "sso-resync-auth0",
        "crm-resync-salesforce",
        "undelivered",
    ] {
        stage
            .texts(&format!(
                "insert into fire_drill (drill_id, unit, ended_at, passed) \
                 values (gen_random_uuid(), '{unit}', now() - interval '{days_ago} days', true) returning unit"
            ))
            .await;
    }
}

#[tokio::test]
async fn an_alarm_that_has_not_fired_lately_is_a_fault() {
    let stage = Stage::set().await;
    let never = faults(&stage).await;
    assert_eq!(never.len(), stage.dlqs(), "{never:?}");
    assert!(never.iter().all(|(_, fault)| fault.contains("fire-drill run --unit")), "{never:?}");
    // The alarm history of CloudWatch counts, too.
    let fire = stage.alarms.set_alarm_state().alarm_name("coppice-crm-sync-salesforce-dlq-depth");
    fire.state_value(StateValue::Alarm).state_reason("tried").send().await.unwrap();
    assert_eq!(faults(&stage).await.len(), stage.dlqs() - 1);
    drilled(&stage, 91).await;
    assert_eq!(faults(&stage).await.len(), stage.dlqs() - 1, "all alarms but the one that has fired since");
    drilled(&stage, 89).await;
    assert_eq!(faults(&stage).await, []);
    stage
        .run(&["check-alarms"])
        .await
        .says(0, &["coppice-sso-sync-auth0-dlq-depth", "sound, last fired 89 d ago"]);
}

#[tokio::test]
async fn check_alarms_finds_every_fault_of_an_alarm() {
    let stage = Stage::set().await;
    drilled(&stage, 1).await;
    assert_eq!(faults(&stage).await, []);
    let put = |unit: &str, queue: &str, metric: &str| {
        let queue = Dimension::builder().name("QueueName").value(queue).build();
        let alarm = stage.alarms.put_metric_alarm().alarm_name(format!("coppice-{unit}-dlq-depth"));
        let alarm =
            alarm.namespace("AWS/SQS").metric_name(metric).dimensions(queue).threshold(1.0).period(60);
        let alarm = alarm.comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold);
        alarm
            .evaluation_periods(1)
            .treat_missing_data("notBreaching")
            .alarm_actions("arn:aws:sns:us-east-1:000000000000:coppice-alarms")
    };
    let depth = "ApproximateNumberOfMessagesVisible";
    let dlq = |unit: &str| format!("coppice-{unit}-dlq");
    let maximum = Statistic::Maximum;
    put("sso-sync-auth0", &dlq("sso-sync-auth0"), "NumberOfMessagesSent")
        .statistic(maximum.clone())
        .send()
        .await
        .unwrap();
    put("app-login-auth0", "coppice-app-login-auth0", depth).statistic(maximum.clone()).send().await.unwrap();
    put("crm-sync-salesforce", &dlq("crm-sync-salesforce"), depth)
        .statistic(Statistic::Minimum)
        .send()
        .await
        .unwrap();
    let many =
        put("identity-verification-stripe", &dlq("identity-verification-stripe"), depth).threshold(100.0);
    many.statistic(maximum).send().await.unwrap();
    stage
        .alarms
        .disable_alarm_actions()
        .alarm_names("coppice-crm-account-salesforce-dlq-depth")
        .send()
        .await
        .unwrap();
    stage.alarms.delete_alarms().alarm_names("coppice-crm-resync-salesforce-dlq-depth").send().await.unwrap();
    stage.alarms.disable_alarm_actions().alarm_names("coppice-breaker-open").send().await.unwrap();
    stage.alarms.delete_alarms().alarm_names("coppice-heartbeat-late").send().await.unwrap();
    let found = faults(&stage).await;
    for (alarm, word) in [
        ("sso-sync-auth0-dlq-depth", "NumberOfMessagesSent"),
        ("app-login-auth0-dlq-depth", "another queue"),
        ("crm-sync-salesforce-dlq-depth", "maximum"),
        ("identity-verification-stripe-dlq-depth", "one message does not fire it"),
        ("crm-account-salesforce-dlq-depth", "disabled"),
        ("crm-resync-salesforce-dlq-depth", "does not exist"),
        ("breaker-open", "disabled"),
        ("heartbeat-late", "does not exist"),
    ] {
        let name = format!("coppice-{alarm}");
        let fault = found.iter().find(|(alarm, _)| *alarm == name);
        assert!(fault.is_some_and(|(_, fault)| fault.contains(word)), "{alarm}: {word}\nin {found:#?}");
    }
    assert_eq!(found.len(), stage.dlqs(), "{found:#?}");
}

#[tokio::test]
async fn check_alarms_finds_an_alarm_without_data() {
    let mut stage = Stage::set().await;
    drilled(&stage, 1).await;
    // No metric arrives any more. CloudWatch gives an alarm on an unused queue the same state.
    stage.metrics = local_stack::QueueMetrics::start("http://127.0.0.1:9");
    let state = stage.alarms.set_alarm_state().alarm_name("coppice-sso-sync-auth0-dlq-depth");
    state.state_value(StateValue::InsufficientData).state_reason("tried").send().await.unwrap();
    let found = faults(&stage).await;
    assert!(found.len() == 1 && found[0].1.contains("no data"), "{found:?}");
}
