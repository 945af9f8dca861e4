//! Where an event that the bus could not deliver was meant to go, and in which words.
//!
//! A partner's event cannot be put on a bus by anybody but the partner, and a message move task does not work on a
//! target's dead-letter queue. So what the rule would have done is done here: its own pattern is asked (by EventBridge
//! itself), its own input transformer is applied, and the result goes to its own target. What a unit gets holds no more
//! than it always does.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{InputTransformer, Target};
use job_process::JobError;
use postgres_store::DeadLetteredCopy;
use serde_json::Value;
use sqs_queue::{NamedQueue, SqsQueue, list_queues};

use super::fleet::{UNDELIVERED, refused};

/// The rules of one bus, with the queues that they feed.
pub(super) struct Routing {
    client: Client,
    bus: String,
    rules: Vec<Rule>,
    queues: Vec<NamedQueue>,
    /// Where events without a consumer go: from there they came.
    undelivered: String,
}

struct Rule {
    name: String,
    pattern: String,
    targets: Vec<Target>,
}

/// What goes where.
pub(super) struct Routed {
    pub(super) queue: SqsQueue,
    pub(super) body: String,
}

impl Routing {
    /// Reads the rules of the bus `bus`, with whose name the queues' begin.
    pub(super) async fn read(config: &SdkConfig, bus: &str) -> Result<Self, JobError> {
        let client = Client::new(config);
        let start = format!("{bus}-");
        let queues = list_queues(config, &start).await.map_err(|error| refused(&error))?;
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

    /// Where a letter's event belongs. Empty: no rule of the bus takes it.
    pub(super) async fn route(&self, letter: &DeadLetteredCopy) -> Result<Vec<Routed>, JobError> {
        let Ok(event) = serde_json::from_str::<Value>(&letter.body) else { return Ok(Vec::new()) };
        // The others have had the event: a rule of this bus failed alone. One of another bus forwards to this one.
        let failed_rule = letter.attributes.get("RULE_ARN").and_then(|arn| self.own_rule(arn));
        let mut routed = Vec::new();
        for rule in self.rules.iter().filter(|rule| failed_rule.is_none_or(|name| rule.name == name)) {
            if !self.matches(rule, &letter.body).await? {
                continue;
            }
            for target in &rule.targets {
                let name = target.arn().rsplit(':').next().unwrap_or_default();
                let queue = self.queues.iter().find(|queue| queue.name == name && name != self.undelivered);
                if let Some(queue) = queue {
                    let body = match target.input_transformer() {
                        Some(transformer) => transformed(transformer, &event),
                        None => Some(letter.body.clone()),
                    };
                    routed.extend(body.map(|body| Routed { queue: queue.queue.clone(), body }));
                }
            }
        }
        Ok(routed)
    }

    /// The name of a rule of this bus, from its ARN: `…:rule/<bus>/<rule>`.
    fn own_rule<'a>(&self, arn: &'a str) -> Option<&'a str> {
        let (bus, rule) = arn.split_once(":rule/")?.1.split_once('/')?;
        (bus == self.bus).then_some(rule)
    }

    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html>
    async fn matches(&self, rule: &Rule, event: &str) -> Result<bool, JobError> {
        let call = self.client.test_event_pattern().event_pattern(&rule.pattern).event(event);
        Ok(call.send().await.map_err(|_| failed("TestEventPattern"))?.result())
    }
}

/// EventBridge's error texts may quote the event.
fn failed(operation: &str) -> JobError {
    JobError::Failed(format!("EventBridge refused {operation}, or cannot be reached"))
}

/// The template with its paths' values in it, each as JSON. `None`: a path leads nowhere, which the rule's pattern rules
/// out. <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
fn transformed(transformer: &InputTransformer, event: &Value) -> Option<String> {
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
        assert_eq!(transformed(&transformer, &json!({"id": "1"})), None, "a hole is no event");
    }
}
