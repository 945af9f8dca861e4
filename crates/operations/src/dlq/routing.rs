//! Where the bus would have delivered an undelivered event, and with which body.
//!
//! Only a partner can put a partner's event on a bus, and a message move task does not work on the DLQ of a rule's target. So
//! this module does what the rule would have done: EventBridge itself tests the event against the rule's pattern, and the
//! rule's input transformer is applied, so a unit gets no more of an event than it always does.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{InputTransformer, Target};
use postgres_store::DeadLetteredCopy;
use serde_json::Value;
use sqs_queue::{NamedQueue, SqsQueue, list_queues};

use super::queues::UNDELIVERED;
use crate::OperationError;

pub(super) struct Routing {
    client: Client,
    bus: String,
    rules: Vec<Rule>,
    queues: Vec<NamedQueue>,
    /// Never a destination: the events come from there.
    undelivered: String,
}

struct Rule {
    name: String,
    pattern: String,
    targets: Vec<Target>,
}

pub(super) struct Routed {
    pub(super) queue: SqsQueue,
    pub(super) body: String,
}

impl Routing {
    pub(super) async fn read(config: &SdkConfig, bus: &str) -> Result<Self, OperationError> {
        let client = Client::new(config);
        let start = format!("{bus}-");
        let queues = list_queues(config, &start).await?;
        let mut rules = Vec::new();
        let mut next = None;
        loop {
            let call = client.list_rules().event_bus_name(bus).set_next_token(next);
            let page = call.send().await.map_err(|_| failed("ListRules"))?;
            for rule in page.rules() {
                let (Some(name), Some(pattern)) = (rule.name(), rule.event_pattern()) else { continue };
                let call = client.list_targets_by_rule().event_bus_name(bus).rule(name);
                let targets = call.send().await.map_err(|_| failed("ListTargetsByRule"))?.targets;
                let targets = targets.unwrap_or_default();
                rules.push(Rule { name: name.to_owned(), pattern: pattern.to_owned(), targets });
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        let undelivered = format!("{start}{UNDELIVERED}");
        Ok(Self { client, bus: bus.to_owned(), rules, queues, undelivered })
    }

    pub(super) async fn route(&self, message: &DeadLetteredCopy) -> Result<Vec<Routed>, OperationError> {
        let Ok(event) = serde_json::from_str::<Value>(&message.body) else { return Ok(Vec::new()) };
        // If a rule of this bus failed, it failed alone, and the other rules have delivered the event. If the rule belongs to
        // another bus, which forwards to this one, no rule here has seen the event.
        let failed_rule = message.attributes.get("RULE_ARN").and_then(|arn| self.own_rule(arn));
        let mut routed = Vec::new();
        for rule in self.rules.iter().filter(|rule| failed_rule.is_none_or(|name| rule.name == name)) {
            if !self.matches(rule, &message.body).await? {
                continue;
            }
            for target in &rule.targets {
                let name = target.arn().rsplit(':').next().unwrap_or_default();
                let queue = self.queues.iter().find(|queue| queue.name == name && name != self.undelivered);
                if let Some(queue) = queue {
                    let body = match target.input_transformer() {
                        Some(transformer) => transformed(transformer, &event),
                        None => Some(message.body.clone()),
                    };
                    routed.extend(body.map(|body| Routed { queue: queue.queue.clone(), body }));
                }
            }
        }
        Ok(routed)
    }

    fn own_rule<'a>(&self, arn: &'a str) -> Option<&'a str> {
        // The ARN is `…:rule/<bus>/<rule>`.
        let (bus, rule) = arn.split_once(":rule/")?.1.split_once('/')?;
        (bus == self.bus).then_some(rule)
    }

    async fn matches(&self, rule: &Rule, event: &str) -> Result<bool, OperationError> {
        // <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html>
        let call = self.client.test_event_pattern().event_pattern(&rule.pattern).event(event);
        Ok(call.send().await.map_err(|_| failed("TestEventPattern"))?.result())
    }
}

const fn failed(operation: &'static str) -> OperationError {
    OperationError::EventBridge { operation }
}

fn transformed(transformer: &InputTransformer, event: &Value) -> Option<String> {
    // Each value goes in as JSON. The rule's pattern excludes an event without a value at a path.
    // <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
    let none = HashMap::new();
    let paths = transformer.input_paths_map().unwrap_or(&none);
    let mut text = transformer.input_template().to_owned();
    for (name, path) in paths {
        text = text.replace(&format!("<{name}>"), &event.pointer(&pointer(path))?.to_string());
    }
    Some(text)
}

/// `$.detail.target[0].id` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.trim_start_matches('$').replace(['.', '['], "/").replace(']', "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_gets_its_values_as_json() {
        let transformer = InputTransformer::builder()
            .input_paths_map("id", "$.id")
            .input_paths_map("kind", "$.detail-type")
            .input_paths_map("target", "$.detail.target[1].id")
            .input_template(r#"{"id": <id>, "detail-type": <kind>, "detail": {"target": <target>}}"#)
            .build()
            .unwrap();
        let event = json!({"id": "e\"1", "detail-type": "x", "detail": {"target": [{"id": 1}, {"id": 2}], "name": "n"}});
        let body: Value = serde_json::from_str(&transformed(&transformer, &event).unwrap()).unwrap();
        assert_eq!(body, json!({"id": "e\"1", "detail-type": "x", "detail": {"target": 2}}));
        assert_eq!(transformed(&transformer, &json!({"id": "1"})), None, "a value is missing");
    }
}
