//! The parameters: what a deployment may choose that does not follow from the file.

use serde_json::{Map, Value, json};

use super::reference;
use crate::limits::DEFAULT_PREFIX;
use crate::model::Model;

/// The parameters that are used.
pub(super) fn parameters(model: &Model, used: impl Fn(&str) -> bool) -> Map<String, Value> {
    all(model)
        .into_iter()
        .filter(|(name, _)| used(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The conditions that are used. Each is that a parameter is not empty.
pub(super) fn conditions(used: impl Fn(&str) -> bool) -> Map<String, Value> {
    const GIVEN: [(&str, &str); 10] = [
        ("HasKmsKey", "KmsKeyArn"),
        ("HasTopicKey", "TopicKeyArn"),
        ("HasBusKey", "BusKeyArn"),
        ("HasArchiveKey", "ArchiveKeyArn"),
        ("HasAlarmEmail", "AlarmEmail"),
        ("HasAlarmUrl", "AlarmUrl"),
        ("HasPermissionsBoundary", "PermissionsBoundaryArn"),
        ("HasOidc", "OidcProviderArn"),
        ("HasCluster", "ClusterName"),
        ("HasKeda", "KedaOperatorRoleArn"),
    ];
    let declared = GIVEN.into_iter().filter(|(condition, _)| used(condition));
    declared.map(|(condition, parameter)| (condition.to_owned(), is_given(parameter))).collect()
}

/// The checks of parameters before a deployment.
pub(super) fn rules(used: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut rules = Map::new();
    if used("OidcProviderArn") {
        rules.insert(
            String::from("OidcProviderIsGivenWholly"),
            json!({
                "RuleCondition": is_given("OidcProviderArn"),
                "Assertions": [{
                    "Assert": is_given("OidcProvider"),
                    "AssertDescription": "OidcProviderArn also needs OidcProvider."
                }]
            }),
        );
    }
    rules
}

fn is_given(parameter: &str) -> Value {
    json!({"Fn::Not": [{"Fn::Equals": [reference(parameter), ""]}]})
}

fn text(default: &str, about: &str) -> Value {
    json!({"Type": "String", "Default": default, "Description": about})
}

fn number(default: u32, min: u32, max: Option<u32>, about: &str) -> Value {
    let mut parameter = json!({"Type": "Number", "Default": default, "MinValue": min, "Description": about});
    if let Some(max) = max {
        parameter["MaxValue"] = max.into();
    }
    parameter
}

fn with(mut parameter: Value, more: &[(&str, &str)]) -> Value {
    for (key, value) in more {
        parameter[*key] = (*value).into();
    }
    parameter
}

fn all(model: &Model) -> Vec<(&'static str, Value)> {
    let longest = model.longest_prefix;
    let pattern = format!("[a-z][a-z0-9-]{{1,{}}}", longest - 1);
    let constraint = format!(
        "2 to {longest} lower-case letters, digits and hyphens: the names of the sources leave no room for more."
    );
    vec![
        (
            "Prefix",
            with(
                text(
                    DEFAULT_PREFIX,
                    "Start of every name, and the whole name of the event bus. The same in each stack.",
                ),
                &[("AllowedPattern", &pattern), ("ConstraintDescription", &constraint)],
            ),
        ),
        (
            "VisibilityTimeoutSeconds",
            number(
                60,
                2,
                Some(43_200),
                "How long a received message stays hidden. The worker extends it while it works. Below 30 only for fault tests: \
                 one throttled extension must not lose the message.",
            ),
        ),
        (
            "MaxReceiveCount",
            number(
                50,
                2,
                Some(1000),
                "Receives after which SQS itself dead-letters a message. Below 10 only for fault tests. This is a safety net: \
                 crashes, rollouts and console views count as receives too. The worker dead-letters by its own count of \
                 attempts, long before.",
            ),
        ),
        (
            "SourceRetentionSeconds",
            number(
                345_600,
                3600,
                Some(1_209_600),
                "Retention of a queue. Keep it well below DeadLetterRetentionSeconds: for a message that SQS itself \
                 dead-letters, both count from when it was first sent.",
            ),
        ),
        (
            "DeadLetterRetentionSeconds",
            number(
                1_209_600,
                86_400,
                Some(1_209_600),
                "Retention of a dead-letter queue. It counts from when the unit dead-lettered the message; if SQS moved it \
                 after MaxReceiveCount receives, from when the message was first sent.",
            ),
        ),
        ("ArchiveRetentionDays", number(30, 1, None, "Retention of the archive of internal events.")),
        (
            "KmsKeyArn",
            text(
                "",
                "Customer-managed key for all queues; empty for SSE-SQS. Its policy must allow events.amazonaws.com. The same \
                 in each stack.",
            ),
        ),
        (
            "TopicKeyArn",
            text(
                "",
                "Customer-managed key for the alarms' topic; empty for none. Its policy must allow cloudwatch.amazonaws.com.",
            ),
        ),
        (
            "BusKeyArn",
            text(
                "",
                "Customer-managed key for the event bus; empty for the key of AWS. Its policy must allow events.amazonaws.com.",
            ),
        ),
        (
            "ArchiveKeyArn",
            text(
                "",
                "Customer-managed key for the archive; empty for the key of AWS. Its policy must allow events.amazonaws.com.",
            ),
        ),
        ("AlarmEmail", text("", "Email address to subscribe to the alarm topic; empty for none.")),
        (
            "AlarmUrl",
            // Such an address often has a key in it.
            json!({
                "Type": "String",
                "Default": "",
                "NoEcho": true,
                "AllowedPattern": "(https://.+)?",
                "ConstraintDescription": "An https:// address, or empty.",
                "Description": "HTTPS address to subscribe to the alarm topic, such as PagerDuty's or Opsgenie's; empty for none."
            }),
        ),
        (
            "MaxAgeSeconds",
            number(900, 60, None, "Age of the oldest message in a worker's queue at which its alarm fires."),
        ),
        (
            "ResyncMaxAgeSeconds",
            number(21_600, 60, None, "The same for the resync queues, which are drained by scheduled jobs."),
        ),
        (
            "DeadLetterMaxAgeSeconds",
            number(
                604_800,
                3600,
                Some(1_209_600),
                "Age of the oldest dead-lettered message at which its alarm fires. Keep it well below \
                 DeadLetterRetentionSeconds, after which SQS deletes the message.",
            ),
        ),
        (
            "DrillMaxAgeSeconds",
            number(
                777_600,
                3600,
                None,
                "Longest time since the last passed fire drill of each branch. The default allows a weekly drill. Scheduled \
                 jobs drain the resync queues, so their drills take a night longer.",
            ),
        ),
        (
            "BreakerMaxOpenSeconds",
            number(
                900,
                60,
                None,
                "How long a source's breaker may be open before its alarm fires. A paused worker is silent.",
            ),
        ),
        (
            "OutboxMaxAgeSeconds",
            number(
                300,
                60,
                None,
                "How long a committed announcement, or a webhook's event, may wait for the bus before its alarm fires.",
            ),
        ),
        (
            "RunbookBaseUrl",
            json!({
                "Type": "String",
                "AllowedPattern": "https?://.*[^/]",
                "ConstraintDescription": "An absolute address, without a slash at the end.",
                "Description": "Where your copy of docs/runbooks can be read: the description of every alarm links a page below it."
            }),
        ),
        (
            "RolePath",
            with(
                text("/", "Path of the roles."),
                &[
                    ("AllowedPattern", "/([!-~]+/)?"),
                    ("ConstraintDescription", "It begins and ends with a slash."),
                ],
            ),
        ),
        ("PermissionsBoundaryArn", text("", "Permissions boundary of the roles; empty for none.")),
        ("Namespace", text(DEFAULT_PREFIX, "The namespace of the Helm release.")),
        (
            "ServiceAccountPrefix",
            text(
                DEFAULT_PREFIX,
                "What the chart puts before the name of a branch or unit; in most cases the name of the release.",
            ),
        ),
        (
            "ClusterName",
            text("", "The EKS cluster whose Pod Identity agent gives pods their roles; empty for none."),
        ),
        (
            "OidcProviderArn",
            text(
                "",
                "The cluster's OIDC provider, arn:aws:iam::ACCOUNT:oidc-provider/oidc.eks.REGION.amazonaws.com/id/ID, for \
                 IRSA; empty for none.",
            ),
        ),
        (
            "OidcProvider",
            text("", "The part of OidcProviderArn from oidc.eks on; required with OidcProviderArn."),
        ),
        (
            "KedaOperatorRoleArn",
            text(
                "",
                "The role of KEDA's operator, if that role may not read queue depths itself; empty for none.",
            ),
        ),
    ]
}
