//! The limits of AWS, checked before a deployment fails half-way.

use std::collections::BTreeMap;

use crate::cloudformation::logical_id;
use crate::fault::{Fault, Faults};
use crate::model::{Measure, Model, Permission, Resource, Role, Rule};
use crate::{Alarms, Templates};

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const RESOURCES: usize = 500;
const OUTPUTS: usize = 200;
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>
const QUEUE_NAME: usize = 80;
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>
const RULE_NAME: usize = 64;
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PATTERN: usize = 2048;
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>
const METRIC_QUERY: usize = 2048;
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const ROLE_NAME: usize = 64;
const ROLE_POLICY: usize = 10_240;
const POLICIES_OF_A_ROLE: usize = 10;
/// A role's name ends with the region. No region has a longer name.
pub(crate) const LONGEST_REGION: &str = "ap-southeast-1";
/// The prefix of a deployment that chooses none.
pub(crate) const DEFAULT_PREFIX: &str = "coppice";
const LONGEST_PREFIX: usize = 24;

/// Checks the names, and returns how long the prefix may be.
pub(crate) fn check_names(model: &Model) -> Result<usize, Vec<Fault>> {
    let mut faults = clashes(model);
    let mut longest_prefix = LONGEST_PREFIX;
    // For each source, the name that is too long by most.
    let mut worst = BTreeMap::<&str, (usize, String)>::new();
    for Name { what, text, limit, source } in names(model) {
        // The hyphen between them.
        let room = (limit - 1).saturating_sub(text.len());
        longest_prefix = longest_prefix.min(room);
        if room < DEFAULT_PREFIX.len() {
            let excess = text.len() + 1 + DEFAULT_PREFIX.len() - limit;
            let message = format!(
                "the name is {excess} characters too long: the {what} {DEFAULT_PREFIX}-{text} may have {limit}"
            );
            let known = worst.entry(source).or_default();
            if excess > known.0 {
                *known = (excess, message);
            }
        }
    }
    faults.extend(worst.into_iter().map(|(source, (_, message))| Fault::of(source, message)));
    faults.extend(long_patterns(model));
    if faults.is_empty() { Ok(longest_prefix) } else { Err(faults) }
}

struct Name<'a> {
    what: &'static str,
    text: String,
    limit: usize,
    source: &'a str,
}

/// Every name with a source in it, without the prefix.
fn names(model: &Model) -> Vec<Name<'_>> {
    let mut names = Vec::new();
    for branch in &model.branches {
        let (name, source) = (branch.name(), branch.source.name.as_str());
        names.push(Name { what: "queue", text: branch.dlq(), limit: QUEUE_NAME, source });
        let role = format!("{name}-{LONGEST_REGION}");
        names.push(Name { what: "IAM role", text: role, limit: ROLE_NAME, source });
        for rule in model.rules.iter().filter(|rule| rule.queue == name) {
            names.push(Name { what: "rule", text: rule.name.clone(), limit: RULE_NAME, source });
        }
    }
    for forward in &model.forwards {
        names.push(Name {
            what: "rule",
            text: forward.rule.clone(),
            limit: RULE_NAME,
            source: &forward.source,
        });
    }
    names
}

/// Two sources may not lead to one name: `sso-sync-a-dlq` is the dead-letter queue of `a`, and the queue of `a-dlq`.
fn clashes(model: &Model) -> Vec<Fault> {
    let mut owners = BTreeMap::<String, &str>::new();
    let mut faults = Vec::new();
    let mut claim = |what: String, source| match owners.insert(what.clone(), source) {
        Some(other) if other != source => {
            let message =
                format!("the name is too much like {other}: both lead to {what}. Choose another name");
            faults.push(Fault::of(source, message));
        }
        _ => {}
    };
    for branch in &model.branches {
        let (name, source) = (branch.name(), branch.source.name.as_str());
        for queue in [name.clone(), branch.dlq()] {
            claim(format!("the queue {queue}"), source);
            claim(format!("the resource {}", logical_id(&queue, "")), source);
        }
        for rule in model.rules.iter().filter(|rule| rule.queue == name) {
            claim(format!("the rule {}", rule.name), source);
            claim(format!("the resource {}", logical_id(&rule.name, "Rule")), source);
        }
    }
    for forward in &model.forwards {
        claim(format!("the resource {}", logical_id(&forward.name(), "PartnerBus")), &forward.source);
    }
    faults.dedup_by(|one, other| one.source == other.source);
    faults
}

fn long_patterns(model: &Model) -> Vec<Fault> {
    let long = model.rules.iter().filter(|rule| rule.pattern.to_string().len() > PATTERN);
    let fault = |rule: &Rule| {
        let branch = model.branches.iter().find(|branch| branch.name() == rule.queue);
        let message = format!(
            "the pattern of the rule {} has more than {PATTERN} characters, which EventBridge does not accept",
            rule.name
        );
        Fault { source: branch.map(|branch| branch.source.name.clone()), message }
    };
    long.map(fault).collect()
}

/// Checks what only the templates show.
pub(crate) fn check_templates(templates: &Templates, model: &Model, alarms: Alarms) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let parts = [
        ("the topology", Some(&templates.topology)),
        ("the alarms", templates.alarms.as_ref()),
        ("the roles", Some(&templates.roles)),
    ];
    for (name, template) in parts.into_iter().filter_map(|(name, part)| Some((name, part?))) {
        let count = |part: &str| template[part].as_object().map_or(0, serde_json::Map::len);
        let resources = count("Resources");
        if resources > RESOURCES {
            let apart = "Give the alarms a stack of their own: `coppice topology render --alarms-apart`";
            let fewer = "Give some sources a file, a prefix and a database of their own";
            let fix = match alarms {
                Alarms::Within if name == "the topology" => apart,
                _ => fewer,
            };
            faults.push(Fault::of_all(format!(
                "the template of {name} has {resources} resources, and CloudFormation accepts {RESOURCES}. {fix}"
            )));
        }
        let outputs = count("Outputs");
        if outputs > OUTPUTS {
            faults.push(Fault::of_all(format!(
                "the template of {name} has {outputs} outputs, and CloudFormation accepts {OUTPUTS}. Give some sources a \
                 file, a prefix and a database of their own"
            )));
        }
    }
    for alarm in &model.alarms {
        let Measure::Rules { forwarding, .. } = &alarm.measure else { continue };
        let clauses =
            forwarding.iter().map(|rule| " OR RuleName = '-'".len() + model.longest_prefix + rule.len());
        if 150 + clauses.sum::<usize>() > METRIC_QUERY {
            faults.push(Fault::of_all(format!(
                "{} sources have partner event sources, and one query over their rules may have {METRIC_QUERY} characters. \
                 Give some sources a file, a prefix and a database of their own",
                forwarding.len()
            )));
            break;
        }
    }
    for role in &model.roles {
        let policies = apart(role, model.longest_prefix).1.len();
        if policies > POLICIES_OF_A_ROLE {
            faults.push(Fault::of_all(format!(
                "the role {} names every queue and needs {policies} policies, and IAM accepts {POLICIES_OF_A_ROLE}. Give some \
                 sources a file, a prefix and a database of their own",
                role.name
            )));
        }
    }
    Faults::none(faults)
}

/// The statements of a role's own policy, and those that need policies of their own: a role that names every queue may have more
/// text than IAM accepts within a role.
pub(crate) fn apart(role: &Role, prefix: usize) -> (Vec<Permission>, Vec<Permission>) {
    // A policy of its own may have 6,144 characters.
    const QUEUES: usize = 40;
    if policy_size(role, prefix) <= ROLE_POLICY {
        return (role.permissions.clone(), Vec::new());
    }
    let (long, own): (Vec<Permission>, Vec<Permission>) =
        role.permissions.iter().cloned().partition(|permission| permission.on.len() > QUEUES / 2);
    let parts = long.iter().flat_map(|permission| {
        let part = |on: &[Resource]| Permission { on: on.to_vec(), ..permission.clone() };
        permission.on.chunks(QUEUES).map(part).collect::<Vec<_>>()
    });
    (own, parts.collect())
}

/// About what IAM counts, with the longest prefix and region: the rest of a statement is counted generously.
fn policy_size(role: &Role, prefix: usize) -> usize {
    const ARN: usize = r#""arn:aws-us-gov:sqs:us-gov-west-1:123456789012:-","#.len();
    const STATEMENT: usize = r#"{"Sid":"","Effect":"Allow","Action":[],"Resource":[],"Condition":{}},"#.len();
    let of_resource = |resource: &Resource| match resource {
        Resource::Queue(name) => ARN + prefix + name.len(),
        _ => 2 * prefix + 100,
    };
    let statements = role.permissions.iter().map(|permission| {
        let actions: usize = permission.actions.iter().map(|action| action.len() + 3).sum();
        let condition = permission.only_if.as_ref().map_or(0, |only_if| format!("{only_if:?}").len());
        STATEMENT + actions + condition + permission.on.iter().map(of_resource).sum::<usize>()
    });
    statements.sum()
}
