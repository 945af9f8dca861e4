//! What the roles of `deploy/cloudformation/roles.yaml` allow. The emulator enforces no policy, so these tests evaluate them, as
//! IAM does for policies that only allow: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use std::collections::{BTreeMap, BTreeSet};

use event_contract::{DRILL_SOURCE, EventKind, HEARTBEAT, INTERNAL_SOURCE, POISON};
use fleet::Kind;
use serde_json::Value;

use crate::{committed, read};

const QUEUES_OF_NO_UNIT: [&str; 2] = ["undelivered", "drill-notices"];
/// Calls that name no resource.
const LISTS: [&str; 9] = [
    "sqs:ListQueues",
    "events:ListEventBuses",
    "events:ListEventSources",
    "events:DescribeEventSource",
    "events:TestEventPattern",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:PutMetricData",
    "sts:AssumeRole",
];

/// The statements of each role by the role's name. An intrinsic function is its argument: `Fn::Sub: text` is the text.
fn roles() -> BTreeMap<String, Vec<Value>> {
    let template = plain(yaml("deploy/cloudformation/roles.yaml"));
    let resources = template["Resources"].as_object().unwrap().values();
    let roles = resources.filter(|resource| resource["Type"] == "AWS::IAM::Role");
    roles
        .map(|role| {
            let name = role["Properties"]["RoleName"].as_str().unwrap();
            let name = name.trim_start_matches("${Prefix}-").trim_end_matches("-${AWS::Region}").to_owned();
            let policies = role["Properties"]["Policies"].as_array().unwrap();
            let statements = policies.iter().flat_map(|policy| {
                policy["PolicyDocument"]["Statement"].as_array().unwrap().iter().map(|statement| {
                    // `Fn::If: [HasKmsKey, statement, nothing]`: with a key.
                    statement.get(1).unwrap_or(statement).clone()
                })
            });
            (name, statements.collect())
        })
        .collect()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

/// With the arguments of intrinsic functions instead of the functions.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let only = fields
                .iter()
                .next()
                .filter(|(key, _)| fields.len() == 1 && (key.starts_with("Fn::") || *key == "Ref"));
            match only {
                Some((_, argument)) => plain(argument.clone()),
                None => Value::Object(fields.into_iter().map(|(key, value)| (key, plain(value))).collect()),
            }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        other => other,
    }
}

/// The branches of the committed example.
fn branches() -> Vec<topology::Branch> {
    committed().branches
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().map(|text| text.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    }
}

/// With `*` for any characters, as in resources and `StringLike`.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    text.strip_prefix(start).is_some_and(|text| {
        let ends = std::iter::once(text.len()).chain(text.char_indices().map(|(place, _)| place));
        ends.into_iter().any(|place| is_like(rest, &text[place..]))
    })
}

/// A request: what, on what, and the values of condition keys.
struct Request<'a> {
    action: &'a str,
    resource: &'a str,
    keys: BTreeMap<&'a str, &'a str>,
}

fn holds(condition: &Value, request: &Request<'_>) -> bool {
    condition.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            let wanted = texts(wanted);
            let value = request.keys.get(key.as_str()).copied();
            match operator.as_str() {
                "StringEquals" => value.is_some_and(|value| wanted.contains(&value)),
                "StringNotEquals" => value.is_none_or(|value| !wanted.contains(&value)),
                // Each has one value in these tests; without a value, it holds.
                "ForAllValues:StringEquals" => value.is_none_or(|value| wanted.contains(&value)),
                "ForAllValues:StringLike" => {
                    value.is_none_or(|value| wanted.iter().any(|one| is_like(one, value)))
                }
                "Null" => wanted == [if value.is_none() { "true" } else { "false" }],
                other => panic!("{other}"),
            }
        })
    })
}

/// Whether the stack `coppice` allows this.
fn allows(statements: &[Value], request: &Request<'_>) -> bool {
    statements.iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        texts(&statement["Action"]).iter().any(|action| is_like(action, request.action))
            && texts(&statement["Resource"])
                .iter()
                .any(|resource| is_like(&deployed(resource), request.resource))
            && holds(&statement["Condition"], request)
    })
}

fn deployed(resource: &str) -> String {
    [
        ("${AWS::Partition}", "aws"),
        ("${AWS::Region}", "eu-central-1"),
        ("${AWS::AccountId}", "123456789012"),
        ("${Prefix}", "coppice"),
    ]
    .iter()
    .fold(resource.to_owned(), |resource, (name, value)| resource.replace(name, value))
}

fn queue_arn(stack: &str, name: &str) -> String {
    format!("arn:aws:sqs:eu-central-1:123456789012:{stack}-{name}")
}

/// The names of a stack's queues.
fn queues() -> Vec<String> {
    let own = branches().into_iter().flat_map(|branch| [branch.name(), branch.dlq()]);
    own.chain(QUEUES_OF_NO_UNIT.map(str::to_owned)).collect()
}

fn may(statements: &[Value], action: &str, resource: &str) -> bool {
    allows(statements, &Request { action, resource, keys: BTreeMap::new() })
}

/// The names of the queues on which a role may do this.
fn queues_for(statements: &[Value], action: &str) -> BTreeSet<String> {
    queues().into_iter().filter(|name| may(statements, action, &queue_arn("coppice", name))).collect()
}

fn may_put(statements: &[Value], source: Option<&str>, detail_type: &str) -> bool {
    let mut keys = BTreeMap::from([("events:detail-type", detail_type)]);
    keys.extend(source.map(|source| ("events:source", source)));
    let resource = "arn:aws:events:eu-central-1:123456789012:event-bus/coppice";
    allows(statements, &Request { action: "events:PutEvents", resource, keys })
}

fn set(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

#[test]
fn no_role_reaches_another_stack_whose_name_begins_with_the_same() {
    for (unit, statements) in roles() {
        for statement in &statements {
            for action in texts(&statement["Action"]) {
                for stack in ["coppice-prod", "coppice-sso-sync", "coppicex"] {
                    for name in queues() {
                        let request = may(&statements, action, &queue_arn(stack, &name));
                        assert!(!request || LISTS.contains(&action), "{unit}: {action} on {stack}-{name}");
                    }
                    for resource in
                        [format!("event-bus/{stack}"), format!("rule/{stack}/{stack}-sso-sync-ingress")]
                    {
                        let resource = format!("arn:aws:events:eu-central-1:123456789012:{resource}");
                        assert!(
                            !may(&statements, action, &resource) || LISTS.contains(&action),
                            "{unit}: {action} on {resource}"
                        );
                    }
                }
                if texts(&statement["Resource"]).contains(&"*") {
                    assert!(LISTS.contains(&action), "{unit}: {action} on everything");
                }
            }
        }
    }
}

#[test]
fn a_queue_is_named_whole() {
    for (unit, statements) in roles() {
        for resource in statements.iter().flat_map(|statement| texts(&statement["Resource"])) {
            assert!(!resource.contains(":sqs:") || !resource.contains('*'), "{unit}: {resource}");
        }
    }
}

#[test]
fn only_a_unit_itself_receives_from_its_queue() {
    for (unit, statements) in roles() {
        let all = branches();
        let dlqs = || all.iter().map(topology::Branch::dlq);
        let own = set(all.iter().map(topology::Branch::name).filter(|own| *own == unit));
        let expected = match unit.as_str() {
            "fire-drill" => set(dlqs().chain(QUEUES_OF_NO_UNIT.map(str::to_owned))),
            "coppice" => set(dlqs().chain([String::from("undelivered")])),
            _ => own.clone(),
        };
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"] {
            assert_eq!(queues_for(&statements, action), expected, "{unit}: {action}");
        }
        assert_eq!(queues_for(&statements, "sqs:PurgeQueue"), BTreeSet::new(), "{unit}");
        let of_units = |units: &[&str]| {
            let of_units = all.iter().filter(|branch| units.contains(&branch.unit.name));
            of_units.map(topology::Branch::name).collect::<Vec<_>>()
        };
        let resync = || of_units(&["sso-resync", "crm-resync", "registry-resync"]);
        let sends = match unit.as_str() {
            "fire-drill" => set(resync().into_iter().chain([String::from("undelivered")])),
            "coppice" => set(all.iter().map(topology::Branch::name)),
            "resync-enqueuer" => set(resync()),
            "audit" => set(resync().into_iter().chain(of_units(&["identity-verification"]))),
            _ => set(own.into_iter().map(|own| format!("{own}-dlq"))),
        };
        assert_eq!(queues_for(&statements, "sqs:SendMessage"), sends, "{unit}");
    }
}

#[test]
fn a_unit_puts_events_only_under_its_own_sources() {
    let all = branches();
    let doors: BTreeSet<String> =
        all.iter().filter_map(|branch| branch.entrance()).map(|entrance| entrance.source).collect();
    let sources = [
        INTERNAL_SOURCE,
        DRILL_SOURCE,
        "coppice.ingress.scim",
        "coppice.ingress.stripe",
        "coppice.ingress.okta",
        "coppice.ingress.none-of-ours",
        "coppice.ingress",
        "coppice.",
        "aws.partner/auth0.com/x",
        "",
    ];
    let kinds = EventKind::ALL.map(EventKind::detail_type).into_iter().chain([
        "webhook",
        "user.updated",
        HEARTBEAT,
        POISON,
    ]);
    for (unit, statements) in roles() {
        for kind in kinds.clone() {
            assert!(!may_put(&statements, None, kind), "{unit}: without a source");
            for source in sources {
                let synthetic = [HEARTBEAT, POISON].contains(&kind);
                let from_outside = source.strip_prefix("coppice.ingress.").is_some();
                let own = match fleet::unit(&unit) {
                    _ if unit == "fire-drill" => synthetic && doors.contains(source),
                    Some(it) if it.kind == Kind::Server => !synthetic && from_outside,
                    None if all.iter().any(|branch| branch.name() == unit) => source == INTERNAL_SOURCE,
                    _ => false,
                };
                assert_eq!(may_put(&statements, Some(source), kind), own, "{unit}: {source} {kind}");
            }
        }
    }
}

/// A queue's policy: who may send to it, besides the roles.
#[test]
fn only_rules_of_this_stack_send_to_its_queues() {
    let template = plain(yaml("deploy/cloudformation/coppice.yaml"));
    let names: Vec<String> = branches().iter().map(topology::Branch::name).collect();
    let rule = |stack: &str, unit: &str| {
        let (bus, partner) = (stack, "aws.partner/auth0.com/tenant");
        let arn = |bus: &str, name: &str| {
            format!("arn:aws:events:eu-central-1:123456789012:rule/{bus}/{stack}-{name}")
        };
        [arn(bus, &format!("{unit}-ingress")), arn(partner, &format!("forward-{unit}"))]
    };
    let mut looked_at = 0;
    for resource in template["Resources"].as_object().unwrap().values() {
        if resource["Type"] != "AWS::SQS::QueuePolicy" {
            continue;
        }
        for statement in resource["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap() {
            let sources = &statement["Condition"]["ArnLike"]["aws:SourceArn"];
            if statement["Effect"] != "Allow" || sources.is_null() {
                continue;
            }
            let patterns: Vec<String> =
                texts(sources).into_iter().map(|text| deployed(text.trim())).collect();
            let admits = |arn: &String| patterns.iter().any(|pattern| is_like(pattern, arn));
            assert!(names.iter().any(|name| rule("coppice", name).iter().any(admits)), "{patterns:?}");
            for other in ["coppice-prod", "coppice-sso-sync", "coppicex"] {
                for arn in names.iter().flat_map(|name| rule(other, name)) {
                    assert!(!admits(&arn), "{patterns:?} admit {arn}");
                }
            }
            looked_at += 1;
        }
    }
    assert!(looked_at >= 6, "{looked_at}");
}

#[test]
fn patterns_are_matched_as_iam_does() {
    for (pattern, text, matches) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("a*c", "abbc", true),
        ("a*c", "ab", false),
        ("*", "", true),
        ("a*b*c", "a-b-b-c", true),
        ("coppice.ingress.*", "coppice.ingress", false),
    ] {
        assert_eq!(is_like(pattern, text), matches, "{pattern} {text}");
    }
}
