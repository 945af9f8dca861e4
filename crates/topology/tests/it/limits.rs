//! Names and limits of AWS.

use topology::{Alarms, branches, render, templates};

use crate::{config, example, model, resources, source};

#[test]
fn branches_follow_from_roles_and_from_what_connectors_can_do() {
    let names: Vec<String> = branches(&example()).iter().map(topology::Branch::name).collect();
    assert_eq!(
        names,
        [
            "sso-sync-auth0",
            "sso-sync-entra",
            "sso-sync-okta",
            "sso-sync-scim",
            "crm-sync-hubspot",
            "crm-sync-salesforce",
            "identity-verification-persona",
            "identity-verification-stripe",
            "registry-sync-benefits",
            "registry-sync-county",
            "registry-sync-staff",
            "app-login-auth0",
            "app-login-okta",
            "crm-account-salesforce",
            "sso-resync-auth0",
            "sso-resync-entra",
            "sso-resync-okta",
            "sso-resync-scim",
            "crm-resync-hubspot",
            "crm-resync-salesforce",
            "registry-resync-benefits",
            "registry-resync-county",
            "registry-resync-staff",
        ]
    );
}

#[test]
fn a_source_without_a_table_of_pushes_has_no_branch_of_crm_account() {
    let names = |text: &str| branches(&config(text)).iter().map(topology::Branch::name).collect::<Vec<_>>();
    let text = source("one", "salesforce", &[]) + &source("two", "salesforce", &[]);
    assert!(names(&text).contains(&String::from("crm-account-two")));
    let one = text.replace("[push.two]\nfields = [\"email\"]\n", "");
    assert_ne!(one, text);
    let names = names(&one);
    assert!(names.contains(&String::from("crm-account-one")), "{names:?}");
    assert!(!names.contains(&String::from("crm-account-two")), "{names:?}");
    assert!(names.contains(&String::from("crm-sync-two")), "{names:?}");
}

/// The names as AWS has them, with the longest prefix and region.
#[test]
fn no_name_is_too_long_with_the_longest_prefix() {
    let text = source("identities-of-all", "stripe", &[]) + &source("a-tenant-of-members", "auth0", &[]);
    let config = config(&text);
    let prefix = "p".repeat(model(&config).longest_prefix);
    assert!(prefix.len() >= "coppice".len());
    let all = templates(&config, Alarms::Within).unwrap();
    let text = all.topology.to_string() + &all.roles.to_string();
    let deployed = text.replace("${Prefix}", &prefix).replace("${AWS::Region}", "ap-southeast-1");
    let longest = |key: &str| {
        let start = format!("\"{key}\":{{\"Fn::Sub\":\"");
        let names = deployed.split(start.as_str()).skip(1);
        names.map(|rest| rest.split('"').next().unwrap().len()).max().unwrap()
    };
    assert!(
        longest("QueueName") <= 80 && longest("Name") <= 64,
        "{} {}",
        longest("QueueName"),
        longest("Name")
    );
    // The longest of all, so it uses all the room there is.
    assert_eq!(longest("RoleName"), 64);
}

#[test]
fn a_name_that_is_too_long_is_a_fault_that_says_by_how_much() {
    let fault = |text: String| render(&config(&text)).unwrap_err().to_string();
    let role = fault(source("verification-of-identities", "persona", &[]));
    assert!(
        role.contains(
            "sources.verification-of-identities: the name is 7 characters too long: the IAM role \
             coppice-identity-verification-verification-of-identities-ap-southeast-1 may have 64"
        ),
        "{role}"
    );
    let rule = fault(source("members-of-all-our-orchards", "auth0", &[]));
    assert!(
        rule.contains(
            "sources.members-of-all-our-orchards: the name is 6 characters too long: the rule \
             coppice-sso-sync-members-of-all-our-orchards-management-create-no-user may have 64"
        ),
        "{rule}"
    );
    // One character less each is enough.
    for (name, connector) in [("verification-of-ide", "persona"), ("members-of-all-our-or", "auth0")] {
        assert_eq!(model(&config(&source(name, connector, &[]))).longest_prefix, 7, "{name}");
    }
}

#[test]
fn two_sources_never_lead_to_one_name() {
    let fault = |one: &str, other: &str| {
        render(&config(&(source(one, "scim", &[]) + &source(other, "scim", &[])))).unwrap_err().to_string()
    };
    let dlq = fault("a", "a-dlq");
    assert!(
        dlq.contains("sources.a-dlq: the name is too much like a: both lead to the queue sso-sync-a-dlq"),
        "{dlq}"
    );
    let id = fault("a-1", "a1");
    assert!(
        id.contains("sources.a1: the name is too much like a-1: both lead to the resource SsoSyncA1"),
        "{id}"
    );
    let rule = render(&config(&(source("a", "auth0", &[]) + &source("a-log", "auth0", &[]))));
    assert!(rule.is_ok(), "{rule:?}");
}

/// Three tenants, two organizations and so on: `kinds` in turn.
fn many(count: usize, kinds: &[&str]) -> String {
    let sources = (0..count).map(|number| {
        let connector = kinds[number % kinds.len()];
        let partner = match connector {
            "auth0" => vec![
                format!("aws.partner/auth0.com/{number}/auth0.events"),
                format!("aws.partner/auth0.com/{number}/auth0.logs"),
            ],
            "okta" | "salesforce" | "stripe" => vec![format!("aws.partner/{connector}.com/{number}/x")],
            _ => Vec::new(),
        };
        let partner: Vec<&str> = partner.iter().map(String::as_str).collect();
        source(&format!("s{number}"), connector, &partner)
    });
    sources.collect()
}

const KINDS: [&str; 6] = ["auth0", "okta", "scim", "salesforce", "stripe", "persona"];

#[test]
fn twelve_sources_fit_into_one_template() {
    let counts = [1, 6, 12].map(|count| resources(&config(&many(count, &KINDS))).len());
    println!("resources with 1, 6 and 12 sources: {counts:?}");
    assert!(counts[2] < 500, "{counts:?}");
    // Also if all are of the connector with the most rules.
    let auth0 = resources(&config(&many(12, &["auth0"]))).len();
    assert!(auth0 < 500, "{auth0}");
}

/// A role that names every queue may have more text than IAM accepts within a role.
#[test]
fn long_permissions_get_policies_of_their_own() {
    let inline = |text: &str| templates(&config(text), Alarms::Apart).unwrap().roles;
    let of = |roles: &serde_json::Value, role: &str| {
        let attached = &roles["Resources"][role]["Properties"]["ManagedPolicyArns"];
        attached.as_array().map_or(0, Vec::len)
    };
    let few = inline(&many(6, &KINDS));
    let lots = inline(&many(26, &KINDS));
    assert_eq!((of(&few, "CoppiceRole"), of(&few, "FireDrillRole")), (0, 0));
    assert!(of(&lots, "CoppiceRole") >= 2 && of(&lots, "FireDrillRole") >= 2);
    assert_eq!(of(&lots, "SsoSyncS0Role"), 0);
    let all = lots.to_string();
    for branch in branches(&config(&many(26, &KINDS))) {
        for queue in [branch.name(), branch.dlq()] {
            // The branch's own role, that of the operators' tool and that of the fire drill.
            let named = all.matches(&format!(":${{Prefix}}-{queue}\"")).count();
            assert!(named >= 3, "{queue}: {named}");
        }
    }
}

#[test]
fn beyond_the_limit_the_alarms_get_a_stack_of_their_own() {
    let config = config(&many(26, &KINDS));
    let fault = templates(&config, Alarms::Within).unwrap_err().to_string();
    assert!(
        fault.contains("resources, and CloudFormation accepts 500. Give the alarms a stack of their own"),
        "{fault}"
    );
    let apart = templates(&config, Alarms::Apart).unwrap();
    let alarms = apart.alarms.unwrap();
    for (template, has_alarms) in [(&apart.topology, false), (&alarms, true)] {
        let kinds: Vec<&str> = template["Resources"]
            .as_object()
            .unwrap()
            .values()
            .map(|one| one["Type"].as_str().unwrap())
            .collect();
        assert!(kinds.len() <= 500, "{}", kinds.len());
        assert_eq!(kinds.iter().any(|kind| kind.ends_with("Alarm")), has_alarms);
    }
    assert!(
        alarms["Parameters"]["RunbookBaseUrl"].is_object()
            && apart.topology["Parameters"]["RunbookBaseUrl"].is_null()
    );
}
