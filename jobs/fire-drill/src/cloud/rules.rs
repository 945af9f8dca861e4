//! Rules of a bus with their targets, and the partner sources behind the bus.

use aws_sdk_eventbridge::types::{EventSourceState, Rule, RuleState};

use super::Cloud;
use crate::failure::CloudError;
use crate::unit::forwarding_rules;

// Partner event sources, and their buses, begin with this.
const PARTNERS: &str = "aws.partner/";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleFacts {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) enabled: bool,
    pub(crate) targets: Vec<TargetFacts>,
}

/// Where a rule sends events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetFacts {
    pub(crate) arn: String,
    /// The queue for events that cannot be delivered.
    pub(crate) dlq: Option<String>,
}

impl Cloud {
    /// The rules of our bus whose names begin with `name_prefix`.
    pub(crate) async fn rules(&self, name_prefix: &str) -> Result<Vec<RuleFacts>, CloudError> {
        let mut rules = Vec::new();
        for rule in self.rules_of(&self.prefix, name_prefix).await? {
            let name = rule.name.unwrap_or_default();
            rules.push(RuleFacts {
                arn: rule.arn.unwrap_or_default(),
                enabled: rule.state == Some(RuleState::Enabled),
                targets: self.targets(&name).await?,
                name,
            });
        }
        Ok(rules)
    }

    async fn rules_of(&self, bus: &str, name_prefix: &str) -> Result<Vec<Rule>, CloudError> {
        let mut rules = Vec::new();
        let mut page = None;
        loop {
            let call = self.events.list_rules().event_bus_name(bus).name_prefix(name_prefix);
            let reply = call.set_next_token(page).send().await;
            let reply = reply.map_err(|error| CloudError::of("ListRules", &error))?;
            rules.extend(reply.rules.unwrap_or_default());
            page = reply.next_token;
            if page.is_none() {
                return Ok(rules);
            }
        }
    }

    async fn targets(&self, rule: &str) -> Result<Vec<TargetFacts>, CloudError> {
        // One page is enough: a rule has at most five targets.
        let call = self.events.list_targets_by_rule().event_bus_name(&self.prefix).rule(rule);
        let reply = call.send().await.map_err(|error| CloudError::of("ListTargetsByRule", &error))?;
        let facts = |target: aws_sdk_eventbridge::types::Target| TargetFacts {
            arn: target.arn,
            dlq: target.dead_letter_config.and_then(|config| config.arn),
        };
        Ok(reply.targets.unwrap_or_default().into_iter().map(facts).collect())
    }

    /// The partner sources that are forwarded to our bus and are not active.
    pub(crate) async fn inactive_partner_sources(&self) -> Result<Vec<String>, CloudError> {
        let buses = self.events.list_event_buses().name_prefix(PARTNERS).limit(100).send().await;
        let buses = buses.map_err(|error| CloudError::of("ListEventBuses", &error))?;
        let names = buses.event_buses.unwrap_or_default().into_iter().filter_map(|bus| bus.name);
        let mut inactive = Vec::new();
        for name in names.filter(|name| name.starts_with(PARTNERS)) {
            if self.rules_of(&name, &forwarding_rules(&self.prefix)).await?.is_empty() {
                continue;
            }
            let source = self.events.describe_event_source().name(&name).send().await;
            // A source that is not active accepts the partner's events and delivers none.
            let active = match source {
                Ok(source) => source.state == Some(EventSourceState::Active),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_resource_not_found_exception()) =>
                {
                    false
                }
                Err(error) => return Err(CloudError::of("DescribeEventSource", &error)),
            };
            if !active {
                inactive.push(name);
            }
        }
        Ok(inactive)
    }
}
