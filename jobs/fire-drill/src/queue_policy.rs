//! Whether a queue's policy lets a rule send. Pure.

use serde_json::Value;

const SERVICE: &str = "events.amazonaws.com";

/// Whether a statement lets the rule of this ARN send, and none forbids it outright.
pub(crate) fn admits(policy: Option<&str>, rule_arn: &str) -> bool {
    let policy: Value = policy.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let statements = list(&policy["Statement"]);
    let is_about_sending = |statement: &Value| {
        is_for(SERVICE, &statement["Principal"])
            && list(&statement["Action"]).iter().filter_map(|action| action.as_str()).any(allows_sending)
    };
    let (mut allowed, mut forbidden) = (false, false);
    for statement in statements.into_iter().filter(|statement| is_about_sending(statement)) {
        match statement["Effect"].as_str() {
            Some("Allow") => allowed |= holds(&statement["Condition"], rule_arn),
            // A denial with a condition, such as `SecureTransport`, does not apply to EventBridge.
            Some("Deny") => forbidden |= statement["Condition"].is_null(),
            _ => {}
        }
    }
    allowed && !forbidden
}

// JSON policies have a single value in place of a list of one.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

fn is_for(service: &str, principal: &Value) -> bool {
    let is = |value: &Value| value.as_str().is_some_and(|name| name == "*" || name == service);
    is(principal)
        || list(&principal["Service"]).into_iter().any(is)
        || list(&principal["AWS"]).iter().any(|name| **name == "*")
}

fn allows_sending(action: &str) -> bool {
    matches!(action.to_ascii_lowercase().as_str(), "sqs:sendmessage" | "sqs:send*" | "sqs:*" | "*")
}

/// Whether the conditions on the caller hold for the rule.
fn holds(condition: &Value, rule_arn: &str) -> bool {
    let account = rule_arn.split(':').nth(4).unwrap_or_default();
    let operators = condition.as_object().into_iter().flatten();
    operators.filter(|(operator, _)| !operator.contains("Not")).all(|(_, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, values)| {
            let actual = match key.to_ascii_lowercase().as_str() {
                "aws:sourcearn" => rule_arn,
                "aws:sourceaccount" => account,
                // An unknown condition counts as fulfilled. So this finds a statement that is missing or names another rule,
                // and never reports a fault that is none.
                _ => return true,
            };
            list(values).iter().filter_map(|value| value.as_str()).any(|pattern| matches(pattern, actual))
        })
    })
}

/// Whether a text matches a pattern of a policy: `*` stands for any characters, `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(start, _)| start).chain([text.len()]);
            ends.into_iter().any(|start| matches(rest.as_str(), &text[start..]))
        }
        Some(one) => {
            let mut others = text.chars();
            others.next().is_some_and(|other| one == '?' || one == other)
                && matches(rest.as_str(), others.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULE: &str = "arn:aws:events:eu-central-1:111122223333:rule/coppice/coppice-crm-sync-drill";

    fn policy(principal: &Value, action: &Value, condition: &Value) -> String {
        let statement =
            json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
        let tls = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        json!({"Version": "2012-10-17", "Statement": [statement, tls]}).to_string()
    }

    #[test]
    fn a_rule_is_admitted_by_its_arn_and_its_account() {
        let service = json!({"Service": SERVICE});
        let send = json!("sqs:SendMessage");
        let arn = |pattern: &str| json!({"ArnLike": {"aws:SourceArn": pattern}});
        let ours = "arn:aws:events:eu-central-1:111122223333:rule/coppice/coppice-crm-sync-*";
        let table = [
            (policy(&service, &send, &arn(ours)), true),
            (policy(&json!("*"), &json!(["sqs:ReceiveMessage", "SQS:*"]), &Value::Null), true),
            (policy(&service, &send, &json!({"ArnEquals": {"aws:SourceArn": ["x", RULE]}})), true),
            (policy(&service, &send, &json!({"StringEquals": {"aws:SourceAccount": "111122223333"}})), true),
            (policy(&service, &send, &json!({"StringEquals": {"aws:SourceAccount": "999999999999"}})), false),
            (policy(&service, &send, &json!({"Bool": {"aws:SecureTransport": "true"}})), true),
            (policy(&service, &send, &arn("arn:aws:events:*:*:rule/coppice/coppice-sso-sync-*")), false),
            (policy(&json!({"Service": "sns.amazonaws.com"}), &send, &arn(ours)), false),
            (policy(&service, &json!("sqs:ReceiveMessage"), &arn(ours)), false),
        ];
        for (policy, expected) in table {
            assert_eq!(admits(Some(&policy), RULE), expected, "{policy}");
        }
    }

    #[test]
    fn no_policy_admits_no_rule_and_a_denial_wins() {
        for policy in [None, Some(""), Some("{"), Some("{}")] {
            assert!(!admits(policy, RULE), "{policy:?}");
        }
        let allow = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:*"});
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage"});
        assert!(admits(Some(&json!({"Statement": allow}).to_string()), RULE));
        assert!(!admits(Some(&json!({"Statement": [allow, deny]}).to_string()), RULE));
    }
}
