//! The alarms, their topic, and who hears of them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::template::{Template, logical_id};
use super::{arn, attribute, named, only_if, reference, sub};
use crate::model::{Alarm, Measure, Missing, Model, Threshold};

/// The topic, and its subscribers. A chat's resource needs more than a parameter (a workspace, a channel and a role), so chats
/// subscribe to the output `AlarmTopicArn`.
pub(super) fn add_topic(template: &mut Template) {
    let topic = json!({
        "Type": "AWS::SNS::Topic",
        "Properties": {
            "TopicName": named("alarms"),
            "KmsMasterKeyId": only_if("HasTopicKey", reference("TopicKeyArn"))
        }
    });
    template.resource("AlarmTopic", topic);
    for (id, condition, protocol, endpoint) in [
        ("AlarmEmailSubscription", "HasAlarmEmail", "email", "AlarmEmail"),
        ("AlarmUrlSubscription", "HasAlarmUrl", "https", "AlarmUrl"),
    ] {
        let mut resource = subscription(protocol, reference(endpoint));
        resource["Condition"] = condition.into();
        template.resource(id, resource);
    }
    let mut notices = subscription("sqs", attribute("DrillNoticesQueue", "Arn"));
    notices["DependsOn"] = json!(["DrillNoticesQueuePolicy"]);
    notices["Properties"]["RawMessageDelivery"] = true.into();
    template.resource("DrillNoticesSubscription", notices);
    template.output(
        "AlarmTopicArn",
        "Topic of the alarms. Subscribe the people on call here, and chats.",
        reference("AlarmTopic"),
    );
}

fn subscription(protocol: &str, endpoint: Value) -> Value {
    json!({
        "Type": "AWS::SNS::Subscription",
        "Properties": {"TopicArn": reference("AlarmTopic"), "Protocol": protocol, "Endpoint": endpoint}
    })
}

pub(super) fn add(model: &Model, template: &mut Template) {
    // By name, so that the alarms may have a stack of their own.
    let topic = arn("sns", "${Prefix}-alarms");
    for alarm in &model.alarms {
        template.resource(alarm_id(&alarm.name), resource(alarm, &topic));
    }
}

fn alarm_id(name: &str) -> String {
    logical_id(name, "Alarm")
}

fn resource(alarm: &Alarm, topic: &Value) -> Value {
    let about = sub(format!("{} Runbook: ${{RunbookBaseUrl}}/{}", alarm.about, alarm.runbook));
    let mut properties = json!({"AlarmName": named(&alarm.name), "AlarmDescription": about});
    if let Measure::AnyOf { alarms } = &alarm.measure {
        let rule: Vec<String> =
            alarms.iter().map(|name| format!("ALARM(\"${{{}}}\")", alarm_id(name))).collect();
        properties["AlarmRule"] = sub(rule.join(" OR "));
        return json!({"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties});
    }
    measure(alarm, &mut properties);
    let (comparison, threshold) = match alarm.threshold {
        Threshold::AtLeast(value) => ("GreaterThanOrEqualToThreshold", json!(value)),
        Threshold::AtLeastParameter(name) => ("GreaterThanOrEqualToThreshold", reference(name)),
        Threshold::Below(value) => ("LessThanThreshold", json!(value)),
    };
    properties["ComparisonOperator"] = comparison.into();
    properties["Threshold"] = threshold;
    properties["EvaluationPeriods"] = alarm.periods.into();
    properties["TreatMissingData"] = match alarm.missing {
        Missing::Good => "notBreaching".into(),
        Missing::Bad => "breaching".into(),
    };
    properties["AlarmActions"] = json!([topic]);
    properties["OKActions"] = json!([topic]);
    json!({"Type": "AWS::CloudWatch::Alarm", "Properties": properties})
}

fn measure(alarm: &Alarm, properties: &mut Value) {
    let (namespace, metric, dimension, value, statistic) = match &alarm.measure {
        Measure::Queue { queue, metric } => ("AWS/SQS", *metric, "QueueName", named(queue), "Maximum"),
        Measure::Own { metric } => ("Coppice", *metric, "Bus", reference("Prefix"), "Maximum"),
        Measure::PartnerEvents { partner_source } => {
            ("AWS/Events", "Events", "EventSourceName", json!(partner_source), "Sum")
        }
        Measure::Rules { metric, forwarding } => {
            properties["Metrics"] = json!([{"Id": "rules", "Expression": query(metric, forwarding), "Period": alarm.period_secs}]);
            return;
        }
        Measure::AnyOf { .. } => return,
    };
    properties["Namespace"] = namespace.into();
    properties["MetricName"] = metric.into();
    properties["Dimensions"] = json!([{"Name": dimension, "Value": value}]);
    properties["Statistic"] = statistic.into();
    properties["Period"] = alarm.period_secs.into();
}

fn query(metric: &str, forwarding: &[String]) -> Value {
    let mut query = format!(
        "SELECT SUM({metric}) FROM SCHEMA(\"AWS/Events\", EventBusName, RuleName) WHERE EventBusName = '${{Prefix}}'"
    );
    for rule in forwarding {
        let _ = write!(query, " OR RuleName = '${{Prefix}}-{rule}'");
    }
    sub(query)
}
