//! Checks that a queue is set up so that no message is lost in it. Pure.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::Value;

use super::finding::Findings;

const FEWEST_RECEIVES: u64 = 10;

const SMALLEST_MESSAGE_LIMIT: u64 = 262_144;

const AWS_KEY: &str = "alias/aws/sqs";

const DEPLOY: &str = "render and deploy the topology again";

#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes(pub(crate) HashMap<Name, String>);

impl Attributes {
    pub(crate) fn text(&self, name: &Name) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &Name) -> Option<u64> {
        self.text(name).parse().ok()
    }

    pub(crate) fn arn(&self) -> &str {
        self.text(&Name::QueueArn)
    }
}

pub(crate) fn check_redrive(
    name: &str,
    queue: &Attributes,
    dlq: Option<&Attributes>,
    findings: &mut Findings,
) {
    const CHECK: &str = "redrive policy";
    let policy: Value = serde_json::from_str(queue.text(&Name::RedrivePolicy)).unwrap_or_default();
    let Some(target) = policy["deadLetterTargetArn"].as_str() else {
        let problem =
            "there is none: a message that crashes every process is received again and again, without an end";
        return findings.fault(CHECK, name, problem, DEPLOY);
    };
    if let Some(dlq) = dlq.filter(|dlq| dlq.arn() != target) {
        let problem = format!("it names {}, and the unit names {}", last(target), last(dlq.arn()));
        let fix = "set COPPICE_DLQ_URL to the output …DlqUrl that belongs to COPPICE_QUEUE_URL";
        return findings.fault(CHECK, name, problem, fix);
    }
    // SQS returns it as a number or as text.
    let count = &policy["maxReceiveCount"];
    let receives = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0);
    // Crashes, rollouts and console views count as receives, too.
    if receives < FEWEST_RECEIVES {
        let problem = format!(
            "maxReceiveCount is {receives}: rollouts and console views alone would dead-letter messages"
        );
        let fix =
            format!("deploy the stack with MaxReceiveCount={FEWEST_RECEIVES} or more; 50 is its default");
        return findings.fault(CHECK, name, problem, fix);
    }
    findings.ok(CHECK, name, format!("to {} after {receives} receives", last(target)));
}

pub(crate) fn check_retention(name: &str, queue: &Attributes, dlq: &Attributes, findings: &mut Findings) {
    const CHECK: &str = "retention";
    let retention = |queue: &Attributes| queue.number(&Name::MessageRetentionPeriod);
    // A message that SQS itself dead-letters keeps the age that it had in its queue, so the DLQ has to keep it for longer.
    match (retention(queue), retention(dlq)) {
        (Some(queue), Some(dlq)) if dlq > queue => {
            findings.ok(CHECK, name, format!("{queue} s, and {dlq} s in the DLQ"));
        }
        (Some(queue), Some(dlq)) => findings.fault(
            CHECK,
            name,
            format!(
                "{queue} s, and {dlq} s in the DLQ: a message that SQS itself dead-letters keeps the age that it had in its queue"
            ),
            "deploy the stack with DeadLetterRetentionSeconds far above SourceRetentionSeconds (1209600 and 345600)",
        ),
        _ => findings.skipped(CHECK, name, "SQS does not return it"),
    }
}

pub(crate) fn check_visibility(
    name: &str,
    queue: &Attributes,
    step_limit: Duration,
    findings: &mut Findings,
) {
    const CHECK: &str = "visibility timeout";
    // A step that takes longer than the timeout is done twice if one visibility extension fails.
    let least = step_limit.as_secs();
    match queue.number(&Name::VisibilityTimeout) {
        Some(timeout) if timeout >= least => {
            findings.ok(CHECK, name, format!("{timeout} s, and a step of the handler may take {least} s"));
        }
        Some(timeout) => findings.fault(
            CHECK,
            name,
            format!("{timeout} s, and one step of the handler may take {least} s"),
            format!("deploy the stack with VisibilityTimeoutSeconds={} or more", 2 * least),
        ),
        None => findings.skipped(CHECK, name, "SQS does not return it"),
    }
}

pub(crate) fn check_encryption(name: &str, queue: &Attributes, findings: &mut Findings) {
    const CHECK: &str = "encryption";
    let key = queue.text(&Name::KmsMasterKeyId);
    if key.ends_with(AWS_KEY) {
        // The key that AWS creates for SQS. Its policy cannot be changed, and it does not admit EventBridge.
        let fix = "deploy the stack with KmsKeyArn empty (SSE-SQS), or with a key of yours whose policy allows \
                   kms:GenerateDataKey and kms:Decrypt to events.amazonaws.com";
        findings.fault(
            CHECK,
            name,
            format!("the key is {AWS_KEY}, which EventBridge cannot use: no event arrives"),
            fix,
        );
    } else if !key.is_empty() {
        findings.skipped(
            CHECK,
            name,
            "a key of yours, which is not checked: it must not be one of AWS's, and its policy must allow \
             kms:GenerateDataKey and kms:Decrypt to events.amazonaws.com and to the units",
        );
    } else if queue.text(&Name::SqsManagedSseEnabled) == "false" {
        findings.fault(CHECK, name, "messages are stored unencrypted", DEPLOY);
    } else {
        findings.ok(CHECK, name, "SSE-SQS");
    }
}

pub(crate) fn check_size(name: &str, queue: &Attributes, findings: &mut Findings) {
    const CHECK: &str = "message size";
    // Most events hold only IDs and codes, but some rules pass a provider's event of IDs through whole. EventBridge cannot
    // deliver an event that is larger than the limit.
    match queue.number(&Name::MaximumMessageSize) {
        Some(limit) if limit >= SMALLEST_MESSAGE_LIMIT => findings.ok(CHECK, name, format!("{limit} bytes")),
        Some(limit) => findings.fault(
            CHECK,
            name,
            format!("MaximumMessageSize is {limit} bytes: larger events are not delivered"),
            format!("{DEPLOY}: it leaves SQS's own limit, 1048576"),
        ),
        None => findings.skipped(CHECK, name, "SQS does not return it"),
    }
}

pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "coppice-sso-sync";

    fn queue(attributes: &[(Name, &str)]) -> Attributes {
        Attributes(attributes.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect())
    }

    fn problem(check: impl FnOnce(&mut Findings)) -> Option<String> {
        let mut findings = Findings::default();
        check(&mut findings);
        findings.problems().first().map(|problem| (*problem).to_owned())
    }

    #[test]
    fn a_redrive_policy_names_the_unit_s_dlq_and_is_only_a_safety_net() {
        let dlq = queue(&[(Name::QueueArn, "arn:aws:sqs:r:1:x-dlq")]);
        let judged = |policy| {
            problem(|findings| {
                check_redrive(NAME, &queue(&[(Name::RedrivePolicy, policy)]), Some(&dlq), findings);
            })
        };
        assert_eq!(judged(r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:x-dlq","maxReceiveCount":50}"#), None);
        assert_eq!(judged(r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:x-dlq","maxReceiveCount":"50"}"#), None);
        let table = [
            ("", "there is none"),
            (
                r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:y-dlq","maxReceiveCount":50}"#,
                "names y-dlq, and the unit names x-dlq",
            ),
            (
                r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:x-dlq","maxReceiveCount":5}"#,
                "maxReceiveCount is 5",
            ),
        ];
        for (policy, expected) in table {
            assert!(judged(policy).is_some_and(|problem| problem.contains(expected)), "{policy}");
        }
    }

    #[test]
    fn a_dlq_keeps_messages_for_longer_than_the_queue() {
        let kept = |seconds| queue(&[(Name::MessageRetentionPeriod, seconds)]);
        let judged =
            |queue, dlq| problem(|findings| check_retention(NAME, &kept(queue), &kept(dlq), findings));
        assert_eq!(judged("345600", "1209600"), None);
        assert!(judged("345600", "345600").is_some());
    }

    #[test]
    fn a_message_stays_hidden_for_as_long_as_a_step_takes() {
        let judged = |timeout| {
            let queue = queue(&[(Name::VisibilityTimeout, timeout)]);
            problem(|findings| check_visibility(NAME, &queue, Duration::from_secs(30), findings))
        };
        assert_eq!((judged("30"), judged("29").is_some()), (None, true));
    }

    #[test]
    fn a_queue_is_encrypted_with_no_key_of_aws() {
        let judged =
            |name, value| problem(|findings| check_encryption(NAME, &queue(&[(name, value)]), findings));
        assert_eq!(judged(Name::SqsManagedSseEnabled, "true"), None);
        assert_eq!(judged(Name::KmsMasterKeyId, "arn:aws:kms:r:1:key/0"), None);
        assert!(judged(Name::SqsManagedSseEnabled, "false").is_some());
        for key in ["alias/aws/sqs", "arn:aws:kms:r:1:alias/aws/sqs"] {
            assert!(
                judged(Name::KmsMasterKeyId, key).is_some_and(|problem| problem.contains("EventBridge")),
                "{key}"
            );
        }
    }

    #[test]
    fn the_size_limit_admits_every_event() {
        let judged = |limit| {
            problem(|findings| check_size(NAME, &queue(&[(Name::MaximumMessageSize, limit)]), findings))
        };
        assert_eq!((judged("1048576"), judged("262144"), judged("65536").is_some()), (None, None, true));
    }
}
