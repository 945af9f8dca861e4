//! Checks the partner event sources that the rules need: active, with a bus of the same name, forwarded to the trunk. A source
//! that is not active accepts the partner's events and delivers none, without an error at either side
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventSource.html>).

use aws_sdk_eventbridge::types::{EventSourceState, RuleState};

use super::aws::{Aws, AwsFault};
use super::finding::Findings;
use super::rules;
use super::target::Target;

const CHECK: &str = "partner source";

pub(crate) async fn check(aws: &Aws, target: &Target, findings: &mut Findings) {
    for forward in target.model.forwards.iter().filter(|forward| target.is_about(&forward.source)) {
        check_source(aws, &target.bus, &forward.partner_source, findings).await;
    }
}

async fn check_source(aws: &Aws, trunk: &str, name: &str, findings: &mut Findings) {
    let fix = "associate the source with the stack: name it in partner_sources of its source, render and deploy. If it is \
               deleted, create the destination at the partner again";
    let state = match aws.events.describe_event_source().name(name).send().await {
        Ok(reply) => reply.state,
        Err(error) => {
            return AwsFault::of(&error).report(findings, CHECK, name, "events:DescribeEventSource", fix);
        }
    };
    match state {
        Some(EventSourceState::Active) => check_forwarding(aws, trunk, name, findings).await,
        Some(state) => {
            let problem = format!("it is {}: it accepts events and delivers none", state.as_str());
            findings.fault(CHECK, name, problem, fix);
        }
        None => findings.skipped(CHECK, name, "EventBridge does not say its state"),
    }
}

async fn check_forwarding(aws: &Aws, trunk: &str, name: &str, findings: &mut Findings) {
    // The trunk gets nothing from a partner bus unless a rule there forwards it.
    let fix = "name it in partner_sources of its source, render and deploy the topology again";
    let rules = match rules::list(aws, name, &format!("{trunk}-forward-")).await {
        Ok(rules) => rules,
        Err(fault) => return fault.report(findings, CHECK, name, "events:ListRules", fix),
    };
    let enabled = rules.iter().filter(|rule| rule.state != Some(RuleState::Disabled));
    for rule in enabled.filter_map(|rule| rule.name.as_deref()) {
        match rules::targets(aws, name, rule).await {
            Ok(targets)
                if targets.iter().any(|target| target.arn.ends_with(&format!(":event-bus/{trunk}"))) =>
            {
                return findings.ok(CHECK, name, format!("ACTIVE, and {rule} forwards it to {trunk}"));
            }
            Ok(_) => {}
            Err(fault) => {
                return fault.report(findings, CHECK, name, "events:ListTargetsByRule", fix);
            }
        }
    }
    findings.fault(CHECK, name, format!("it is ACTIVE, and no enabled rule forwards it to {trunk}"), fix);
}
