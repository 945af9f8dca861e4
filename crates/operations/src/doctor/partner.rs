//! Checks the partner event sources that the rules need: active, with a bus of the same name, forwarded to the trunk. A source
//! that is not active accepts the partner's events and delivers none, without an error at either side
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventSource.html>).

use std::collections::BTreeSet;

use aws_sdk_eventbridge::types::{EventSourceState, RuleState};
use serde_json::Value;

use super::aws::{Aws, AwsFault};
use super::finding::Findings;
use super::found::FoundRule;
use super::rules;

const CHECK: &str = "partner source";

pub(crate) async fn check(aws: &Aws, bus: &str, rules: &[FoundRule], findings: &mut Findings) {
    for prefix in rules.iter().flat_map(|rule| partner_prefixes(&rule.pattern)).collect::<BTreeSet<_>>() {
        match sources(aws, &prefix).await {
            Ok(names) if names.is_empty() => {
                let why = "this account has none: its events come by webhook, or not at all";
                findings.skipped(CHECK, &prefix, why);
            }
            Ok(names) => {
                for name in names {
                    check_source(aws, bus, &name, findings).await;
                }
            }
            Err((fault, action)) => fault.report(findings, CHECK, &prefix, action, ""),
        }
    }
}

fn partner_prefixes(pattern: &str) -> Vec<String> {
    let pattern: Value = serde_json::from_str(pattern).unwrap_or_default();
    let sources = pattern["source"].as_array().cloned().unwrap_or_default();
    let prefixes = sources.iter().filter_map(|one| one["prefix"].as_str());
    prefixes.filter(|prefix| prefix.starts_with("aws.partner/")).map(str::to_owned).collect()
}

async fn sources(aws: &Aws, prefix: &str) -> Result<BTreeSet<String>, (AwsFault, &'static str)> {
    // A source may be there without the bus that is named after it, and the other way round.
    let buses = aws.events.list_event_buses().name_prefix(prefix).send().await;
    let buses = buses.map_err(|error| (AwsFault::of(&error), "events:ListEventBuses"))?;
    let sources = aws.events.list_event_sources().name_prefix(prefix).send().await;
    let sources = sources.map_err(|error| (AwsFault::of(&error), "events:ListEventSources"))?;
    let buses = buses.event_buses.unwrap_or_default().into_iter().filter_map(|bus| bus.name);
    let sources = sources.event_sources.unwrap_or_default().into_iter().filter_map(|source| source.name);
    Ok(buses.chain(sources).collect())
}

async fn check_source(aws: &Aws, trunk: &str, name: &str, findings: &mut Findings) {
    let fix = "associate the source with the stack: name it in its …PartnerSource parameter and deploy. If it is \
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
    let fix = "deploy deploy/cloudformation/coppice.yaml again with this source in its parameter";
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_rule_needs_the_partner_sources_whose_prefix_it_names() {
        let prefixes =
            super::partner_prefixes(r#"{"source":[{"prefix":"aws.partner/auth0.com/"},"coppice"]}"#);
        assert_eq!(prefixes, ["aws.partner/auth0.com/"]);
        assert_eq!(super::partner_prefixes(r#"{"detail":{}}"#), [""; 0]);
    }
}
