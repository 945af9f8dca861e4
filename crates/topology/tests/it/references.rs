//! What the templates say about their own parts, and what every resource must have.

use std::collections::BTreeSet;

use serde_json::Value;
use topology::{Alarms, templates};

use crate::{config, example, resources, source};

/// Every name that a part refers to, with the part.
fn references(part: &Value, into: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            for (key, value) in fields {
                let text = value.as_str().or_else(|| value.get(0)?.as_str());
                match (key.as_str(), text) {
                    ("Ref" | "Condition" | "Fn::GetAtt" | "Fn::If", Some(name)) => {
                        into.insert(name.into());
                    }
                    ("DependsOn", _) => {
                        into.extend(value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().into()));
                    }
                    ("Fn::Sub", Some(text)) => into.extend(
                        text.split("${")
                            .skip(1)
                            .map(|rest| rest.split(['}', '.']).next().unwrap().to_owned()),
                    ),
                    _ => {}
                }
                references(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

#[test]
fn no_resource_refers_to_a_missing_one_and_nothing_is_declared_in_vain() {
    let files = [example(), config(&source("only", "scim", &[])), config("")];
    let all = files
        .iter()
        .flat_map(|file| [Alarms::Within, Alarms::Apart].map(|alarms| templates(file, alarms).unwrap()));
    for template in all.flat_map(|all| [Some(all.topology), all.alarms, Some(all.roles)]).flatten() {
        let mut used = BTreeSet::new();
        references(&template, &mut used);
        let declared = |part: &str| -> BTreeSet<String> {
            template[part].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let known: BTreeSet<String> =
            ["Parameters", "Conditions", "Resources"].iter().flat_map(|part| declared(part)).collect();
        for name in used.iter().filter(|name| !name.starts_with("AWS::") && *name != "Irsa") {
            assert!(known.contains(name), "{name} is missing");
        }
        for name in declared("Parameters").union(&declared("Conditions")) {
            assert!(used.contains(name), "{name} is declared in vain");
        }
    }
}

#[test]
fn every_queue_is_encrypted_and_refuses_plain_http_and_dlqs_outlive_the_stack() {
    let resources = resources(&example());
    let of = |kind: &str| {
        let kind = kind.to_owned();
        resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
    };
    let policies: String =
        of("AWS::SQS::QueuePolicy").map(|(_, policy)| policy["Properties"]["Queues"].to_string()).collect();
    let mut queues = 0;
    for (id, queue) in of("AWS::SQS::Queue") {
        queues += 1;
        let managed = &queue["Properties"]["SqsManagedSseEnabled"];
        assert!(managed == true || managed["Fn::If"][2] == true, "{id}: encryption");
        assert!(policies.contains(&format!("\"{id}\"")), "{id}: policy");
        let keeps = id.ends_with("Dlq") || id == "UndeliveredQueue";
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(queue[policy] == "Retain", keeps, "{id}: {policy}");
        }
    }
    assert_eq!(queues, 2 * 23 + 2);
    for (id, policy) in of("AWS::SQS::QueuePolicy") {
        let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
        assert!(statements.iter().any(|statement| statement["Sid"] == "OnlyOverTls"), "{id}");
    }
    for (id, rule) in of("AWS::Events::Rule") {
        let target = &rule["Properties"]["Targets"][0];
        assert!(target["DeadLetterConfig"].is_object() && target["RetryPolicy"].is_object(), "{id}");
    }
}

#[test]
fn every_alarm_links_a_runbook_by_an_absolute_address() {
    let template = topology::render(&example()).unwrap();
    assert_eq!(template["Parameters"]["RunbookBaseUrl"]["AllowedPattern"], "https?://.*[^/]");
    assert!(template["Parameters"]["RunbookBaseUrl"]["Default"].is_null());
    let runbooks = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
    let mut alarms = 0;
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let Some(about) = resource["Properties"]["AlarmDescription"]["Fn::Sub"].as_str() else { continue };
        let (_, page) =
            about.split_once("Runbook: ${RunbookBaseUrl}/").unwrap_or_else(|| panic!("{id}: {about}"));
        assert!(runbooks.join(page).is_file(), "{id}: {page}");
        alarms += 1;
    }
    assert_eq!(alarms, 4 * 23 + 2 + 2 + 6 + 5);
}

#[test]
fn each_branch_has_one_composite_alarm_over_its_own() {
    let resources = resources(&example());
    for branch in topology::branches(&example()) {
        let of_branch = |resource: &&Value| {
            resource["Properties"]["AlarmName"]["Fn::Sub"] == format!("${{Prefix}}-{}", branch.name())
        };
        let composite: Vec<&Value> = resources.values().filter(of_branch).collect();
        let [composite] = composite.as_slice() else { panic!("{}: {composite:?}", branch.name()) };
        assert_eq!(composite["Type"], "AWS::CloudWatch::CompositeAlarm");
        let rule = composite["Properties"]["AlarmRule"]["Fn::Sub"].as_str().unwrap();
        assert_eq!(rule.matches("ALARM(\"${").count(), 3, "{rule}");
    }
}

#[test]
fn a_role_is_assumed_by_its_own_service_account_only() {
    let all = templates(&example(), Alarms::Within).unwrap();
    let mut roles = 0;
    for (id, role) in all.roles["Resources"].as_object().unwrap() {
        let Some(trust) = role["Properties"]["AssumeRolePolicyDocument"].as_object() else { continue };
        if id == "KedaRole" {
            assert_eq!(
                trust["Statement"][0]["Principal"],
                serde_json::json!({"AWS": {"Ref": "KedaOperatorRoleArn"}})
            );
            continue;
        }
        let name = role["Properties"]["RoleName"]["Fn::Sub"].as_str().unwrap();
        let name =
            name.strip_prefix("${Prefix}-").and_then(|name| name.strip_suffix("-${AWS::Region}")).unwrap();
        let pods = trust["Fn::Sub"][0].as_str().unwrap();
        let irsa = trust["Fn::Sub"][1]["Irsa"]["Fn::If"][1]["Fn::Sub"].as_str().unwrap();
        for text in [pods.replace("${Irsa}", ""), pods.replace("${Irsa}", irsa)] {
            let policy: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{id}: {error} in {text}"));
            for statement in policy["Statement"].as_array().unwrap() {
                assert!(!statement["Principal"].to_string().contains('*'), "{id}");
                let condition = statement["Condition"]["StringEquals"].to_string();
                let account = format!("${{ServiceAccountPrefix}}-{name}\"");
                assert!(condition.contains(&account), "{id}: {condition}");
            }
        }
        roles += 1;
    }
    assert_eq!(roles, 23 + 5);
}
