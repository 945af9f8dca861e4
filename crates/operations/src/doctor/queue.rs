//! Checks the queues: that they exist, their attributes, and that the rules may send to them. The unit's settings name its
//! queues; without a unit, the file of sources says which there are.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use sqs_queue::{Admission, admission};

use super::aws::{Aws, AwsFault};
use super::finding::Findings;
use super::found::{DeadEnds, FoundQueue, FoundRule};
use super::queue_attributes::{
    Attributes, check_encryption, check_redrive, check_retention, check_size, check_visibility, last,
};
use super::target::{Queues, Target};

const CHECK: &str = "queue";

const UNDELIVERED: &str = "undelivered";

pub(crate) async fn find(aws: &Aws, target: &Target, findings: &mut Findings) -> Vec<FoundQueue> {
    match &target.queues {
        Queues::None => Vec::new(),
        Queues::Of { branch, queue, dlq } => {
            let from =
                "set COPPICE_QUEUE_URL to the output …QueueUrl of the stack, and AWS_REGION to the stack's";
            let attributes = attributes(aws, queue, from, findings).await;
            let from = "set COPPICE_DLQ_URL to the output …DlqUrl of the stack";
            let dlq = self::attributes(aws, dlq, from, findings).await;
            vec![FoundQueue { branch: branch.clone(), name: name_of(queue), attributes, dlq }]
        }
        Queues::All => all(aws, target, findings).await,
    }
}

async fn all(aws: &Aws, target: &Target, findings: &mut Findings) -> Vec<FoundQueue> {
    let prefix = format!("{}-", target.bus);
    // Queues of another stack may be among them, if its name begins with ours. SQS lists up to a thousand.
    let urls = match aws.sqs.list_queues().queue_name_prefix(&prefix).max_results(1000).send().await {
        Ok(reply) => reply.queue_urls.unwrap_or_default(),
        Err(error) => {
            AwsFault::of(&error).report(findings, CHECK, &format!("{prefix}*"), "sqs:ListQueues", "");
            return Vec::new();
        }
    };
    let mut queues = Vec::new();
    let branches = target.model.branches.iter().map(topology::Branch::name);
    for branch in branches.chain([UNDELIVERED.to_owned()]) {
        let name = format!("{prefix}{branch}");
        let attributes = named(aws, &urls, &name, findings).await;
        let dlq = match branch.as_str() {
            UNDELIVERED => None,
            _ => named(aws, &urls, &format!("{name}-dlq"), findings).await,
        };
        queues.push(FoundQueue { branch, name, attributes, dlq });
    }
    queues
}

async fn named(aws: &Aws, urls: &[String], name: &str, findings: &mut Findings) -> Option<Attributes> {
    match urls.iter().find(|url| name_of(url) == name) {
        Some(url) => attributes(aws, url, "it was listed a moment ago: run doctor again", findings).await,
        None => {
            let fix = "render and deploy the topology again, with Prefix set to the bus's name";
            findings.fault(CHECK, name, "it does not exist", fix);
            None
        }
    }
}

async fn attributes(aws: &Aws, url: &str, fix: &str, findings: &mut Findings) -> Option<Attributes> {
    let call = aws.sqs.get_queue_attributes().queue_url(url).attribute_names(Name::All);
    match call.send().await {
        Ok(reply) => Some(Attributes(reply.attributes.unwrap_or_default())),
        Err(error) => {
            AwsFault::of(&error).report(findings, CHECK, &name_of(url), "sqs:GetQueueAttributes", fix);
            None
        }
    }
}

/// `rules`: those that send to it. `None`: there are none, or they could not be read.
pub(crate) fn check(
    queue: &FoundQueue,
    rules: Option<&[FoundRule]>,
    step_limit: Duration,
    findings: &mut Findings,
) {
    let FoundQueue { branch, name, attributes: Some(attributes), dlq } = queue else { return };
    if branch != UNDELIVERED {
        check_redrive(name, attributes, dlq.as_ref(), findings);
        if let Some(dlq) = dlq {
            check_retention(name, attributes, dlq, findings);
        }
        check_visibility(name, attributes, step_limit, findings);
    }
    check_size(name, attributes, findings);
    if let Some(rules) = rules {
        check_encryption(name, attributes, findings);
        check_admission(name, attributes, Use::Target, rules.iter().map(|rule| rule.arn.as_str()), findings);
    }
}

/// The queues that take what rules cannot deliver: without them, or without their policies, such events are lost.
pub(crate) async fn check_dead_ends(aws: &Aws, dead_ends: &DeadEnds, findings: &mut Findings) {
    for (arn, rules) in dead_ends {
        let name = last(arn);
        let fix = "render and deploy the topology again: without this queue, undeliverable events are lost";
        let url = match aws.sqs.get_queue_url().queue_name(name).send().await {
            Ok(reply) => reply.queue_url.unwrap_or_default(),
            Err(error) => {
                AwsFault::of(&error).report(findings, CHECK, name, "sqs:GetQueueUrl", fix);
                continue;
            }
        };
        if let Some(attributes) = attributes(aws, &url, fix, findings).await {
            check_encryption(name, &attributes, findings);
            check_admission(name, &attributes, Use::DeadEnd, rules.iter().map(String::as_str), findings);
        }
    }
}

/// What rules use a queue for.
#[derive(Clone, Copy)]
enum Use {
    /// They send their events to it.
    Target,
    /// EventBridge sends it the events that it cannot deliver.
    DeadEnd,
}

fn check_admission<'a>(
    name: &str,
    queue: &Attributes,
    used_as: Use,
    rules: impl Iterator<Item = &'a str>,
    findings: &mut Findings,
) {
    const CHECK: &str = "queue policy";
    let policy = queue.text(&Name::Policy);
    let (mut admitted, mut refused) = (0, Vec::new());
    for rule in rules {
        match admission(policy, queue.arn(), rule) {
            Admission::Admits => admitted += 1,
            Admission::Refuses => refused.push(rule.rsplit('/').next().unwrap_or(rule)),
            Admission::Unclear(condition) => {
                let why =
                    format!("whether it admits {rule} depends on {condition}, which only AWS can evaluate");
                findings.skipped(CHECK, name, why);
            }
        }
    }
    if !refused.is_empty() {
        let problem = format!("EventBridge may not send to it for {}", refused.join(", "));
        let fix = "render and deploy the topology again, or allow sqs:SendMessage to events.amazonaws.com \
                   for the rules' ARNs";
        findings.fault(CHECK, name, problem, fix);
    } else if admitted > 0 {
        let which = match used_as {
            Use::Target => "that send to it",
            Use::DeadEnd => "whose undeliverable events go to it",
        };
        findings.ok(CHECK, name, format!("it admits {admitted} rule(s) {which}"));
    }
}

fn name_of(url: &str) -> String {
    url.rsplit('/').next().unwrap_or(url).to_owned()
}
