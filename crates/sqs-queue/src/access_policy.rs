//! Whether a queue's policy lets a rule send to it, or depends on a condition that only AWS can evaluate. Pure. Shape:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.

use serde_json::Value;

const EVENTS: &str = "events.amazonaws.com";
const SEND: &str = "sqs:SendMessage";

/// What a queue's policy says to a rule that sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It lets the rule send.
    Admits,
    /// It does not.
    Refuses,
    /// It depends on this condition.
    Unclear(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
    Unclear(String),
}

/// What `policy` (JSON, the queue's attribute) says to this rule. A text that is no policy admits nothing.
pub fn admission(policy: &str, queue_arn: &str, rule_arn: &str) -> Admission {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = each(&policy["Statement"]);
    let (mut admits, mut unclear) = (false, None);
    for statement in statements {
        let denies = statement["Effect"] == "Deny";
        match applies(statement, queue_arn, rule_arn) {
            Applies::Yes if denies => return Admission::Refuses,
            Applies::Yes => admits = true,
            Applies::No => {}
            // A denial or a grant with an unknown condition may apply or not. Either way the answer is open.
            Applies::Unclear(condition) => drop(unclear.get_or_insert(condition)),
        }
    }
    match (admits, unclear) {
        (true, None) => Admission::Admits,
        (_, Some(condition)) => Admission::Unclear(condition),
        (false, None) => Admission::Refuses,
    }
}

fn applies(statement: &Value, queue_arn: &str, rule_arn: &str) -> Applies {
    if ["NotPrincipal", "NotAction", "NotResource"].iter().any(|element| !statement[element].is_null()) {
        return Applies::Unclear(String::from("an element Not…"));
    }
    let principal = &statement["Principal"];
    let principals = each(principal).chain(each(&principal["Service"])).chain(each(&principal["AWS"]));
    let to_events = principals.filter_map(Value::as_str).any(|name| name == "*" || name == EVENTS);
    let sends = texts(&statement["Action"])
        .any(|action| matches_pattern(&action.to_lowercase(), &SEND.to_lowercase()));
    let here = texts(&statement["Resource"]).any(|resource| matches_pattern(resource, queue_arn));
    if !(to_events && sends && here) {
        return Applies::No;
    }
    let mut unclear = None;
    for (operator, condition) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, values) in condition.as_object().into_iter().flatten() {
            match holds(operator, key, values, rule_arn) {
                Some(true) => {}
                Some(false) => return Applies::No,
                None => drop(unclear.get_or_insert(format!("{operator} {key}"))),
            }
        }
    }
    unclear.map_or(Applies::Yes, Applies::Unclear)
}

fn holds(operator: &str, key: &str, values: &Value, rule_arn: &str) -> Option<bool> {
    let operator = operator.trim_end_matches("IfExists");
    let account = rule_arn.split(':').nth(4).unwrap_or_default();
    let mut values = texts(values);
    match (operator, key.to_lowercase().as_str()) {
        ("ArnLike" | "ArnEquals" | "StringLike", "aws:sourcearn") => {
            Some(values.any(|pattern| matches_pattern(pattern, rule_arn)))
        }
        ("StringEquals", "aws:sourcearn") => Some(values.any(|arn| arn == rule_arn)),
        ("StringEquals" | "StringLike", "aws:sourceaccount") => Some(values.any(|one| one == account)),
        // EventBridge uses TLS.
        ("Bool", "aws:securetransport") => Some(values.any(|one| one == "true")),
        _ => None,
    }
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().chain((!value.is_array() && !value.is_null()).then_some(value))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    each(value).filter_map(|one| match one {
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        other => other.as_str(),
    })
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut given) = (pattern.chars(), text.chars());
    match wanted.next() {
        None => text.is_empty(),
        // The star matches nothing more, or one more character.
        Some('*') => {
            matches_pattern(wanted.as_str(), text)
                || given.next().is_some_and(|_| matches_pattern(pattern, given.as_str()))
        }
        Some(one) => {
            given.next().is_some_and(|other| one == '?' || one == other)
                && matches_pattern(wanted.as_str(), given.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:111122223333:coppice-sso-sync";
    const RULE: &str = "arn:aws:events:eu-central-1:111122223333:rule/coppice/coppice-sso-sync-ingress";

    fn granting(condition: Value) -> Value {
        json!({"Effect": "Allow", "Principal": {"Service": EVENTS}, "Action": SEND, "Resource": QUEUE,
            "Condition": condition})
    }

    fn template(rules: &str) -> Value {
        granting(
            json!({"StringEquals": {"aws:SourceAccount": "111122223333"}, "ArnLike": {"aws:SourceArn": rules}}),
        )
    }

    fn of(statements: Value) -> Admission {
        admission(&json!({"Statement": statements}).to_string(), QUEUE, RULE)
    }

    #[test]
    fn a_rule_is_admitted_by_the_start_of_its_name() {
        let rules = "arn:aws:events:eu-central-1:111122223333:rule/coppice/coppice-sso-sync-*";
        let tls = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        assert_eq!(of(json!([template(rules), tls])), Admission::Admits);
        assert_eq!(of(template(rules)), Admission::Admits, "one statement needs no list");
        let other = "arn:aws:events:eu-central-1:111122223333:rule/coppice/coppice-crm-sync-*";
        assert_eq!(of(json!([template(other)])), Admission::Refuses);
    }

    #[test]
    fn no_policy_another_action_another_account_and_a_denial_admit_no_rule() {
        assert_eq!(admission("", QUEUE, RULE), Admission::Refuses);
        let mut receiving = granting(json!({}));
        receiving["Action"] = json!(["sqs:ReceiveMessage"]);
        assert_eq!(of(json!([receiving])), Admission::Refuses);
        let account = granting(json!({"StringEquals": {"aws:SourceAccount": "444455556666"}}));
        assert_eq!(of(json!([account])), Admission::Refuses);
        let mut denial = granting(json!({}));
        denial["Effect"] = json!("Deny");
        assert_eq!(of(json!([granting(json!({})), denial])), Admission::Refuses);
    }

    #[test]
    fn a_grant_may_be_wide_and_must_be_for_eventbridge_and_for_sending() {
        let grant = |principal: Value, action: Value| {
            of(json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}))
        };
        let events = || json!({"Service": ["sns.amazonaws.com", EVENTS]});
        assert_eq!(grant(json!("*"), json!(["sqs:ReceiveMessage", "SQS:*"])), Admission::Admits);
        assert_eq!(grant(json!({"AWS": "*"}), json!("sqs:Send*")), Admission::Admits);
        assert_eq!(grant(events(), json!("*")), Admission::Admits);
        assert_eq!(grant(events(), json!("sqs:ReceiveMessage")), Admission::Refuses);
        assert_eq!(grant(json!({"Service": "sns.amazonaws.com"}), json!(SEND)), Admission::Refuses);
    }

    #[test]
    fn a_condition_that_only_aws_can_evaluate_is_unclear() {
        let organization = granting(json!({"StringEquals": {"aws:SourceOrgID": "o-1"}}));
        assert_eq!(
            of(json!([organization])),
            Admission::Unclear(String::from("StringEquals aws:SourceOrgID"))
        );
    }

    #[test]
    fn patterns_are_those_of_iam() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("a*", "ba", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
