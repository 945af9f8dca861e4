//! Checks the rules of a queue: that they are enabled, and send to it, with a DLQ for events that cannot be delivered.

use aws_sdk_eventbridge::types::{Rule, RuleState, Target as RuleTarget};

use super::aws::{Aws, AwsFault};
use super::finding::Findings;
use super::found::{DeadEnds, FoundQueue, FoundRule};
use super::target::Target;

const SHORTEST_EVENT_AGE_SECS: i32 = 3600;
const FEWEST_RETRIES: i32 = 10;

pub(crate) async fn check(
    aws: &Aws,
    target: &Target,
    queue: &FoundQueue,
    dead_ends: &mut DeadEnds,
    findings: &mut Findings,
) -> Option<Vec<FoundRule>> {
    let bus = &target.bus;
    let expected: Vec<&topology::Rule> =
        target.model.rules.iter().filter(|rule| rule.queue == queue.branch).collect();
    let [first, ..] = expected[..] else {
        findings.skipped("rule", &queue.name, "a job sends to it, not a rule");
        return None;
    };
    // A rule that the file does not need is found, too: its name begins like those of its branch.
    let branches = &target.model.branches;
    let of_branch = branches.iter().any(|branch| branch.name() == queue.branch);
    let prefix = if of_branch { format!("{bus}-{}-", queue.branch) } else { format!("{bus}-{}", first.name) };
    let rules = match list(aws, bus, &prefix).await {
        Ok(rules) => rules,
        Err(fault) => {
            fault.report(findings, "rule", &format!("{prefix}*"), "events:ListRules", "deploy the stack");
            return None;
        }
    };
    let mut found = Vec::new();
    for rule in rules {
        let (name, arn) = (rule.name.clone().unwrap_or_default(), rule.arn.clone().unwrap_or_default());
        check_state(bus, &name, rule.state.as_ref(), findings);
        match targets(aws, bus, &name).await {
            Ok(targets) => {
                if let Some(dead_end) = check_targets(&name, &targets, queue, findings) {
                    dead_ends.entry(dead_end).or_default().insert(arn.clone());
                }
            }
            Err(fault) => {
                fault.report(findings, "target", &name, "events:ListTargetsByRule", "deploy the stack again");
            }
        }
        found.push(FoundRule { name, arn, pattern: rule.event_pattern.unwrap_or_default() });
    }
    Some(found)
}

fn check_state(bus: &str, name: &str, state: Option<&RuleState>, findings: &mut Findings) {
    match state {
        Some(RuleState::Disabled) => findings.fault(
            "rule",
            name,
            "it is DISABLED: its events are lost",
            format!(
                "aws events enable-rule --event-bus-name {bus} --name {name}; then resync the records of the lost events"
            ),
        ),
        Some(state) => findings.ok("rule", name, state.as_str()),
        None => findings.skipped("rule", name, "EventBridge does not return its state"),
    }
}

/// Returns the queue for events that the rule cannot deliver.
fn check_targets(
    name: &str,
    targets: &[RuleTarget],
    queue: &FoundQueue,
    findings: &mut Findings,
) -> Option<String> {
    const CHECK: &str = "target";
    const DEPLOY: &str = "render and deploy the topology again";
    let is_queue = |target: &&RuleTarget| match &queue.attributes {
        Some(attributes) => target.arn == attributes.arn(),
        None => target.arn.ends_with(&format!(":{}", queue.name)),
    };
    let Some(target) = targets.iter().find(is_queue) else {
        let problem = format!("none of its {} target(s) is the queue {}", targets.len(), queue.name);
        findings.fault(
            CHECK,
            name,
            problem,
            format!("{DEPLOY}, or set COPPICE_QUEUE_URL to the queue of this unit"),
        );
        return None;
    };
    // EventBridge retries for a day by default. A target that gives up much sooner loses events in an outage.
    if let Some(retry) = &target.retry_policy {
        let (age, retries) = (retry.maximum_event_age_in_seconds, retry.maximum_retry_attempts);
        if age.is_some_and(|age| age < SHORTEST_EVENT_AGE_SECS)
            || retries.is_some_and(|retries| retries < FEWEST_RETRIES)
        {
            let problem = "its retry policy gives up within the hour: an outage of SQS loses events";
            findings.fault(CHECK, name, problem, format!("{DEPLOY}: a day, and 185 attempts"));
        }
    }
    let dead_end = target.dead_letter_config.as_ref().and_then(|config| config.arn.clone());
    match &dead_end {
        Some(_) => findings.ok(CHECK, name, format!("{}, with a DLQ", queue.name)),
        None => findings.fault(CHECK, name, "it has no DLQ: undeliverable events are lost", DEPLOY),
    }
    dead_end
}

pub(crate) async fn list(aws: &Aws, bus: &str, prefix: &str) -> Result<Vec<Rule>, AwsFault> {
    let (mut rules, mut next) = (Vec::new(), None);
    loop {
        let call = aws.events.list_rules().event_bus_name(bus).name_prefix(prefix).set_next_token(next);
        let reply = call.send().await.map_err(|error| AwsFault::of(&error))?;
        rules.extend(reply.rules.unwrap_or_default());
        next = reply.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(rules);
        }
    }
}

pub(crate) async fn targets(aws: &Aws, bus: &str, rule: &str) -> Result<Vec<RuleTarget>, AwsFault> {
    // AWS allows at most five targets of a rule, so there is one page.
    let reply = aws.events.list_targets_by_rule().event_bus_name(bus).rule(rule).send().await;
    Ok(reply.map_err(|error| AwsFault::of(&error))?.targets.unwrap_or_default())
}
