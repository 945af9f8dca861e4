//! Rules, and the partner buses with the rules that forward from them.

use serde_json::{Map, Value, json};

use super::queues::queue_id;
use super::roles::role_properties;
use super::template::{Template, logical_id};
use super::{arn, attribute, named, reference};
use crate::model::{Forward, Model, Rule, UNDELIVERED};

pub(super) fn add(model: &Model, template: &mut Template) {
    for rule in &model.rules {
        template.resource(logical_id(&rule.name, "Rule"), of_bus(rule));
    }
    if !model.forwards.is_empty() {
        template.resource("ForwardRole", forward_role());
    }
    for forward in &model.forwards {
        add_forward(forward, template);
    }
}

fn of_bus(rule: &Rule) -> Value {
    let queue = queue_id(&rule.queue);
    let mut policies = vec![format!("{queue}Policy")];
    if rule.queue != UNDELIVERED {
        policies.push(String::from("UndeliveredQueuePolicy"));
    }
    let mut target = target(&rule.queue, attribute(&queue, "Arn"));
    if let Some(transformer) = &rule.transformer {
        let paths: Map<String, Value> =
            transformer.paths.iter().map(|(name, path)| (name.clone(), path.as_str().into())).collect();
        target["InputTransformer"] = json!({"InputPathsMap": paths, "InputTemplate": transformer.template});
    }
    json!({
        "Type": "AWS::Events::Rule",
        "DependsOn": policies,
        "Properties": {
            "Name": named(&rule.name),
            "Description": rule.about,
            "EventBusName": reference("Bus"),
            "EventPattern": rule.pattern,
            "Targets": [target]
        }
    })
}

fn target(id: &str, arn: Value) -> Value {
    json!({
        "Id": id,
        "Arn": arn,
        "DeadLetterConfig": {"Arn": attribute("UndeliveredQueue", "Arn")},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    })
}

fn add_forward(forward: &Forward, template: &mut Template) {
    let bus = logical_id(&forward.name(), "PartnerBus");
    let mut target = target("trunk", attribute("Bus", "Arn"));
    target["RoleArn"] = attribute("ForwardRole", "Arn");
    let rule = json!({
        "Type": "AWS::Events::Rule",
        "DependsOn": ["UndeliveredQueuePolicy"],
        "Properties": {
            "Name": named(&forward.rule),
            "Description": "To our bus",
            "EventBusName": reference(&bus),
            "EventPattern": forward.pattern,
            "Targets": [target]
        }
    });
    template.resource(logical_id(&forward.name(), "ForwardRule"), rule);
    let properties = json!({"Name": forward.partner_source, "EventSourceName": forward.partner_source});
    template.resource(bus, json!({"Type": "AWS::Events::EventBus", "Properties": properties}));
}

fn forward_role() -> Value {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": reference("AWS::AccountId")},
                "ArnLike": {"aws:SourceArn": arn("events", "rule/aws.partner/*/${Prefix}-forward-*")}
            }
        }]
    });
    let puts = json!({"Effect": "Allow", "Action": "events:PutEvents", "Resource": attribute("Bus", "Arn")});
    let properties = role_properties("forward", trust, "put-events-on-the-trunk", vec![puts]);
    json!({"Type": "AWS::IAM::Role", "Properties": properties})
}
