//! Rules, targets, queues and partner sources that lose events or messages.

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::json;

use super::{Clinic, INGRESS_RULE};
use crate::aws_answers::AwsAnswers;

#[tokio::test]
async fn the_doctor_finds_rules_that_match_too_little_or_too_much() {
    let clinic = Clinic::open().await;
    let rule = |name| clinic.events.put_rule().event_bus_name("coppice").name(name);
    let original =
        clinic.events.describe_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let pattern = original.event_pattern.unwrap();

    clinic.events.disable_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let disabled = (
        "rule coppice-sso-sync-auth0-ingress: it is DISABLED",
        "aws events enable-rule --event-bus-name coppice",
    );
    clinic.finds("sso-sync", &[], &[disabled]).await;
    clinic.finds("crm-sync", &[], &[]).await;

    // Changing a rule does not enable it.
    clinic.events.enable_rule().event_bus_name("coppice").name(INGRESS_RULE).send().await.unwrap();
    let other = ("pattern coppice-sso-sync-auth0-ingress: it takes other events", "edited or deleted");
    for changed in [
        r#"{"source":["coppice.ingress.auth0"],"detail-type":["user.updated"]}"#,
        r#"{"source":["coppice.ingress.auth0","coppice.ingress.persona"]}"#,
    ] {
        rule(INGRESS_RULE).event_pattern(changed).send().await.unwrap();
        clinic.finds("sso-sync", &[], &[other]).await;
    }

    rule(INGRESS_RULE).event_pattern(&pattern).send().await.unwrap();
    rule("coppice-sso-sync-auth0-twin").event_pattern(&pattern).send().await.unwrap();
    clinic.put_target("coppice-sso-sync-auth0-twin", clinic.target_of(INGRESS_RULE).await).await;
    let twice = ("pattern coppice-sso-sync-auth0-twin: no source needs it", "deploy");
    clinic.finds("sso-sync", &[], &[twice]).await;
    for name in ["coppice-sso-sync-auth0-twin", INGRESS_RULE] {
        let target = clinic.target_of(name).await;
        let call = clinic.events.remove_targets().event_bus_name("coppice").rule(name).ids(target.id);
        call.send().await.unwrap();
        clinic.events.delete_rule().event_bus_name("coppice").name(name).send().await.unwrap();
    }
    let none = ("pattern coppice-sso-sync-auth0-ingress: there is no such rule", "render and deploy");
    clinic.finds("sso-sync", &[], &[none]).await;
}

#[tokio::test]
async fn the_doctor_finds_wrong_targets_and_targets_without_a_dlq() {
    let clinic = Clinic::open().await;
    let mut target = clinic.target_of(INGRESS_RULE).await;
    let whole = target.clone();

    target.dead_letter_config = None;
    clinic.put_target(INGRESS_RULE, target.clone()).await;
    let no_way_out = ("target coppice-sso-sync-auth0-ingress: it has no DLQ", "deploy");
    clinic.finds("sso-sync", &[], &[no_way_out]).await;

    target.clone_from(&whole);
    let hasty = aws_sdk_eventbridge::types::RetryPolicy::builder();
    target.retry_policy = Some(hasty.maximum_event_age_in_seconds(60).maximum_retry_attempts(185).build());
    clinic.put_target(INGRESS_RULE, target.clone()).await;
    let gives_up = ("its retry policy gives up within the hour", "185 attempts");
    clinic.finds("sso-sync", &[], &[gives_up]).await;

    clinic
        .events
        .remove_targets()
        .event_bus_name("coppice")
        .rule(INGRESS_RULE)
        .ids(whole.id())
        .send()
        .await
        .unwrap();
    let none = ("none of its 0 target(s) is the queue coppice-sso-sync-auth0", "deploy");
    clinic.finds("sso-sync", &[], &[none]).await;
    clinic.put_target(INGRESS_RULE, whole).await;

    let undelivered = clinic.world.topology.undelivered_url().unwrap();
    clinic.sqs.delete_queue().queue_url(undelivered).send().await.unwrap();
    let gone =
        ("queue coppice-undelivered: it does not exist", "without this queue, undeliverable events are lost");
    clinic.finds("sso-sync", &[], &[gone]).await;
}

#[tokio::test]
async fn the_doctor_finds_queues_that_lose_messages() {
    let clinic = Clinic::open().await;
    let (queue, dlq) = (clinic.queue(), clinic.world.topology.dlq_url("sso-sync").unwrap());
    let call =
        clinic.sqs.get_queue_attributes().queue_url(queue).attribute_names(Name::All).send().await.unwrap();
    let whole = call.attributes.unwrap();
    for (name, value, problem, fix) in [
        (
            Name::Policy,
            "",
            "queue policy coppice-sso-sync-auth0: EventBridge may not send to it for",
            "sqs:SendMessage",
        ),
        (Name::RedrivePolicy, "", "redrive policy coppice-sso-sync-auth0: there is none", "deploy"),
        (
            Name::VisibilityTimeout,
            "20",
            "visibility timeout coppice-sso-sync-auth0: 20 s",
            "VisibilityTimeoutSeconds=60",
        ),
        (Name::MaximumMessageSize, "1024", "MaximumMessageSize is 1024 bytes", "1048576"),
        (
            Name::KmsMasterKeyId,
            "alias/aws/sqs",
            "the key is alias/aws/sqs, which EventBridge cannot use",
            "KmsKeyArn",
        ),
        (
            Name::MessageRetentionPeriod,
            "1209600",
            "retention coppice-sso-sync-auth0: 1209600 s",
            "DeadLetterRetentionSeconds",
        ),
    ] {
        clinic.set(queue, name.clone(), value).await;
        clinic.finds("sso-sync", &[], &[(problem, fix)]).await;
        clinic.set(queue, name.clone(), whole.get(&name).map_or("", String::as_str)).await;
    }
    let arn = &whole[&Name::QueueArn];
    let hasty = json!({"deadLetterTargetArn": format!("{arn}-dlq"), "maxReceiveCount": 3}).to_string();
    clinic.set(queue, Name::RedrivePolicy, &hasty).await;
    clinic.finds("sso-sync", &[], &[("maxReceiveCount is 3", "MaxReceiveCount=10 or more")]).await;
    clinic.set(queue, Name::RedrivePolicy, &whole[&Name::RedrivePolicy]).await;

    let crm = clinic.world.topology.dlq_url("crm-sync").unwrap();
    let other = (
        "it names coppice-sso-sync-auth0-dlq, and the unit names coppice-crm-sync-salesforce-dlq",
        "COPPICE_DLQ_URL",
    );
    clinic.finds("sso-sync", &[("COPPICE_DLQ_URL", crm)], &[other]).await;
    clinic.sqs.delete_queue().queue_url(dlq).send().await.unwrap();
    let gone = ("queue coppice-sso-sync-auth0-dlq: it does not exist", "COPPICE_DLQ_URL");
    clinic.finds("sso-sync", &[], &[gone]).await;
}

#[tokio::test]
async fn the_doctor_finds_an_inactive_partner_source_and_a_wrong_clock() {
    let clinic = Clinic::open().await;
    let answers = AwsAnswers::start(clinic.world.emulator_endpoint()).await;
    let through = [("AWS_ENDPOINT_URL", answers.endpoint())];
    answers.put("DescribeEventSource", 200, r#"{"Name":"x","State":"PENDING"}"#);
    let said = clinic.examine("crm-sync", &through).await;
    said.says(1, &["it is PENDING: it accepts events and delivers none", "partner_sources of its source"]);
    answers.clear();

    let partner = simulators::salesforce::SALESFORCE_SOURCE;
    let forward = clinic.events.disable_rule().event_bus_name(partner).name("coppice-forward-salesforce");
    forward.send().await.unwrap();
    let unheard = ("it is ACTIVE, and no enabled rule forwards it to coppice", "deploy");
    clinic.finds("crm-sync", &[], &[unheard]).await;

    answers.set_date("Tue, 24 Nov 2020 12:00:00 GMT");
    let said = clinic.examine("crm-account", &through).await;
    said.says(1, &["FAULT    clock AWS: it is", "behind ours", "chrony"]);
}
