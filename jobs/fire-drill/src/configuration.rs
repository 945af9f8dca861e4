//! Checks the configuration of a unit's whole way: rules, queues, policies, alarm, topic. Sends nothing.

use serde::Serialize;
use sqs_queue::{Admission, admission};

use crate::alarm::faults;
use crate::cloud::{Cloud, QueueFacts, RuleFacts};
use crate::failure::CloudError;
use crate::hop::Hop;
use crate::unit::{Unit, notices, topic, undelivered};

/// Something that would stop an event or its alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    pub(crate) hop: Hop,
    /// What is wrong, and what to do.
    pub(crate) reason: String,
}

/// Every fault on a unit's way, in order.
pub(crate) async fn check(cloud: &Cloud, unit: Unit) -> Result<Vec<Fault>, CloudError> {
    let mut faults = Vec::new();
    if let Some(name) = unit.queue(&cloud.prefix) {
        match cloud.queue(&name).await? {
            None => faults.push(missing(Hop::Rule, &format!("queue {name}"))),
            Some(queue) => {
                if let Some(needed) = unit.rule(&cloud.prefix) {
                    faults.extend(check_rules(cloud, unit, &queue, &needed).await?);
                }
                faults.extend(check_redrive(cloud, unit, &queue));
            }
        }
    }
    let dlq = unit.dlq(&cloud.prefix);
    if cloud.queue(&dlq).await?.is_none() {
        let reason = format!(
            "queue {dlq} does not exist: messages that the worker refuses stay in its queue and are received again; deploy the template"
        );
        faults.push(Fault { hop: Hop::Dlq, reason });
    }
    faults.extend(check_alarm(cloud, unit, &dlq).await?);
    Ok(faults)
}

fn missing(hop: Hop, what: &str) -> Fault {
    Fault { hop, reason: format!("{what} does not exist: deploy the template") }
}

async fn check_rules(
    cloud: &Cloud,
    unit: Unit,
    queue: &QueueFacts,
    needed: &str,
) -> Result<Vec<Fault>, CloudError> {
    // All rules of the unit, not only the drill's: the events of each must arrive.
    let rules = cloud.rules(&format!("{}-{}-", cloud.prefix, unit.name)).await?;
    let undelivered = cloud.queue(&undelivered(&cloud.prefix)).await?;
    let mut faults = Vec::new();
    if !rules.iter().any(|rule| rule.name == needed) {
        faults.push(missing(Hop::Rule, &format!("rule {needed}")));
    }
    for rule in &rules {
        faults.extend(check_rule(rule, queue, undelivered.as_ref(), &cloud.prefix));
    }
    faults.sort_by_key(|fault| fault.hop);
    Ok(faults)
}

fn check_rule(
    rule: &RuleFacts,
    queue: &QueueFacts,
    undelivered: Option<&QueueFacts>,
    bus: &str,
) -> Vec<Fault> {
    let RuleFacts { name, arn, enabled, targets } = rule;
    let mut faults = Vec::new();
    let mut demand = |holds: bool, hop, reason: String| {
        if !holds {
            faults.push(Fault { hop, reason });
        }
    };
    let fix = format!("aws events enable-rule --event-bus-name {bus} --name {name}");
    demand(*enabled, Hop::Rule, format!("rule {name} is disabled: {fix}"));
    let target = targets.iter().find(|target| target.arn == queue.arn);
    let reason = format!("rule {name} does not target the queue: deploy the template");
    demand(target.is_some(), Hop::Rule, reason);
    let kept = target.is_none_or(|target| target.dlq.as_ref() == undelivered.map(|queue| &queue.arn));
    let lost = "so undeliverable events would be lost: deploy the template";
    let reason = format!("rule {name} has not the queue for undelivered events as its DLQ, {lost}");
    demand(kept, Hop::Rule, reason);
    // A condition that only AWS can evaluate counts as fulfilled: no fault is reported that is none.
    let let_in = |queue: &QueueFacts| {
        admission(queue.policy.as_deref().unwrap_or_default(), &queue.arn, arn) != Admission::Refuses
    };
    let closed = "does not let the rule send: deploy the template, which has the policy";
    demand(let_in(queue), Hop::QueuePolicy, format!("the queue of rule {name} {closed}"));
    let reason = format!("the queue for undelivered events {closed} ({name})");
    demand(undelivered.is_none_or(let_in), Hop::QueuePolicy, reason);
    faults
}

fn check_redrive(cloud: &Cloud, unit: Unit, queue: &QueueFacts) -> Option<Fault> {
    let expected = unit.dlq(&cloud.prefix);
    let target = queue.dlq.as_deref().and_then(|arn| arn.rsplit(':').next());
    let reason = || {
        let now = target.map_or(String::from("no DLQ"), |target| format!("the DLQ {target}"));
        format!("the queue has {now} and not {expected}: deploy the template")
    };
    (target != Some(expected.as_str())).then(|| Fault { hop: Hop::Dlq, reason: reason() })
}

async fn check_alarm(cloud: &Cloud, unit: Unit, dlq: &str) -> Result<Vec<Fault>, CloudError> {
    let (name, topic) = (unit.alarm(&cloud.prefix), topic(&cloud.prefix));
    let Some(alarm) = cloud.alarm(&name).await? else {
        return Ok(vec![missing(Hop::Alarm, &format!("alarm {name}"))]);
    };
    let fault = |reason| Fault { hop: Hop::Alarm, reason: format!("alarm {name}: {reason}") };
    let mut faults: Vec<Fault> = faults(&alarm, dlq, &topic).into_iter().map(fault).collect();
    let notices = notices(&cloud.prefix);
    if cloud.queue(&notices).await?.is_none() {
        let what = format!("queue {notices}, which subscribes to the alarms' topic,");
        faults.push(missing(Hop::Notification, &what));
    }
    Ok(faults)
}
