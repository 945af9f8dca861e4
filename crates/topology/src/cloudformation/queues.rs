//! Bus, archive, queues, and who may send to them.

use serde_json::{Value, json};

use super::template::{Template, logical_id};
use super::{arn, attribute, named, only_if, queue_arn, reference};
use crate::model::{Model, NOTICES, Queue, Retention, UNDELIVERED};

pub(super) fn add(model: &Model, template: &mut Template) {
    add_bus(template);
    add_undelivered(model, template);
    add_notices(template);
    for queue in &model.queues {
        add_queue(queue, template);
    }
    add_policy_of_the_others(model, template);
}

fn add_bus(template: &mut Template) {
    let bus = json!({
        "Type": "AWS::Events::EventBus",
        "Properties": {
            "Name": reference("Prefix"),
            "KmsKeyIdentifier": only_if("HasBusKey", reference("BusKeyArn")),
            // Gets the events that cannot be encrypted or decrypted.
            "DeadLetterConfig": only_if("HasBusKey", json!({"Arn": attribute("UndeliveredQueue", "Arn")}))
        }
    });
    template.resource("Bus", bus);
    // Exactly `coppice`: internal events name records and hold nothing else, so they may be kept. `coppice.ingress.*` and partner
    // events are not archived: a resync reads their records again from the source.
    let archive = json!({
        "Type": "AWS::Events::Archive",
        "Properties": {
            "ArchiveName": named("internal"),
            "SourceArn": attribute("Bus", "Arn"),
            "RetentionDays": reference("ArchiveRetentionDays"),
            "EventPattern": {"source": [event_contract::INTERNAL_SOURCE]},
            "KmsKeyIdentifier": only_if("HasArchiveKey", reference("ArchiveKeyArn"))
        }
    });
    template.resource("InternalEventArchive", archive);
    template.output("BusName", "The bus to which units publish events.", reference("Bus"));
    template.output("BusArn", "For the units' events:PutEvents permission.", attribute("Bus", "Arn"));
}

/// The dead-letter queue of every EventBridge target: events that the bus could not deliver, and webhooks' events that no unit
/// takes. It is not the dead-letter queue of an SQS queue, so a message move task does not work on it. An event from a forwarding
/// rule is the partner's whole event: treat the bodies as personal data.
fn add_undelivered(model: &Model, template: &mut Template) {
    let mut queue = queue_of(UNDELIVERED, "DeadLetterRetentionSeconds");
    keep(&mut queue);
    template.resource("UndeliveredQueue", queue);
    let rules = |bus: &str, rule: &str| arn("events", &format!("rule/{bus}/${{Prefix}}-{rule}"));
    let mut sources = vec![rules("${Prefix}", "*"), arn("events", "event-bus/${Prefix}")];
    if !model.forwards.is_empty() {
        sources.push(rules("aws.partner/*", "forward-*"));
    }
    // CloudFormation adds no permission for a target's dead-letter queue. Without this one, events vanish.
    let may_send = rules_may_send("OurRulesMaySend", "UndeliveredQueue", json!(sources));
    add_policy("UndeliveredQueue", vec![may_send], template);
    template.output(
        "UndeliveredQueueUrl",
        "Events that EventBridge could not deliver. Bodies may hold personal data.",
        reference("UndeliveredQueue"),
    );
}

/// The latest notifications of the topic, in which the fire drill sees that an alarm reaches its subscribers. They are alarm texts
/// without personal data. So the queue uses SSE-SQS even with a key of your own, which would have to allow SNS.
fn add_notices(template: &mut Template) {
    let queue = json!({
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": named(NOTICES),
            "ReceiveMessageWaitTimeSeconds": 20,
            "VisibilityTimeout": 10,
            "MessageRetentionPeriod": 7200,
            "SqsManagedSseEnabled": true
        }
    });
    template.resource("DrillNoticesQueue", queue);
    let may_send = json!({
        "Sid": "TheTopicMaySend",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attribute("DrillNoticesQueue", "Arn"),
        "Condition": {"ArnEquals": {"aws:SourceArn": reference("AlarmTopic")}}
    });
    add_policy("DrillNoticesQueue", vec![may_send], template);
    template.output(
        "DrillNoticesQueueUrl",
        "The latest notifications of the alarm topic, for the fire drill.",
        reference("DrillNoticesQueue"),
    );
}

/// The ID of a queue in the template.
pub(super) fn queue_id(name: &str) -> String {
    if name.ends_with("-dlq") { logical_id(name, "") } else { logical_id(name, "Queue") }
}

fn add_queue(queue: &Queue, template: &mut Template) {
    let id = queue_id(&queue.name);
    let (resource, about) = match &queue.role {
        Retention::Source { dlq } => {
            let mut resource = queue_of(&queue.name, "SourceRetentionSeconds");
            resource["Properties"]["RedrivePolicy"] = json!({
                "deadLetterTargetArn": attribute(&queue_id(dlq), "Arn"),
                "maxReceiveCount": reference("MaxReceiveCount")
            });
            (resource, format!("Queue of {}.", queue.name))
        }
        Retention::DeadLetters { of } => {
            let mut resource = queue_of(&queue.name, "DeadLetterRetentionSeconds");
            keep(&mut resource);
            // By name: the queue already refers to this one, and CloudFormation refuses a circular reference.
            resource["Properties"]["RedriveAllowPolicy"] =
                json!({"redrivePermission": "byQueue", "sourceQueueArns": [queue_arn(of)]});
            (resource, format!("Dead-letter queue of {of}."))
        }
    };
    template.resource(&id, resource);
    template.output(format!("{id}Url"), &about, reference(&id));
    if let Some(rules) = &queue.admits {
        let rules = arn("events", &format!("rule/${{Prefix}}/${{Prefix}}-{rules}*"));
        add_policy(&id, vec![rules_may_send("ItsRulesMaySend", &id, rules)], template);
    }
}

fn queue_of(name: &str, retention: &str) -> Value {
    json!({
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": named(name),
            "ReceiveMessageWaitTimeSeconds": 20,
            "VisibilityTimeout": reference("VisibilityTimeoutSeconds"),
            "MessageRetentionPeriod": reference(retention),
            "KmsMasterKeyId": only_if("HasKmsKey", reference("KmsKeyArn")),
            "SqsManagedSseEnabled": super::either("HasKmsKey", reference("AWS::NoValue"), json!(true))
        }
    })
}

/// Its messages outlive the stack.
fn keep(queue: &mut Value) {
    queue["DeletionPolicy"] = "Retain".into();
    queue["UpdateReplacePolicy"] = "Retain".into();
}

fn rules_may_send(sid: &str, queue: &str, rules: Value) -> Value {
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attribute(queue, "Arn"),
        "Condition": {
            "StringEquals": {"aws:SourceAccount": reference("AWS::AccountId")},
            "ArnLike": {"aws:SourceArn": rules}
        }
    })
}

fn only_over_tls(resource: Value) -> Value {
    json!({
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}
    })
}

fn add_policy(queue: &str, mut statements: Vec<Value>, template: &mut Template) {
    statements.push(only_over_tls(attribute(queue, "Arn")));
    template.resource(format!("{queue}Policy"), policy(vec![reference(queue)], statements));
}

/// Only units send to dead-letter queues and resync queues, with their own roles. One policy document covers all of these queues,
/// so its resource is the queue to which it is attached.
fn add_policy_of_the_others(model: &Model, template: &mut Template) {
    let queues = model.queues.iter().filter(|queue| queue.admits.is_none());
    let queues: Vec<Value> = queues.map(|queue| reference(&queue_id(&queue.name))).collect();
    if !queues.is_empty() {
        template.resource("QueuesWithoutRulesPolicy", policy(queues, vec![only_over_tls(json!("*"))]));
    }
}

fn policy(queues: Vec<Value>, statements: Vec<Value>) -> Value {
    json!({
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": queues,
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}
        }
    })
}
