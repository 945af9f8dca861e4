//! The branches that follow from `config`: their objects, their secrets, and which pods a change of the file replaces.

use std::collections::{BTreeMap, BTreeSet};

use config::Config;
use serde_json::{Value, json};
use topology::Branch;

use crate::chart::{EXAMPLES, Objects, pod, pod_spec, render, render_text, variable};

/// A source that the production example does not have, with the queues of its branches.
const ENTRA: &str = "
config:
  sources:
    entra:
      role: sso
      connector: entra
      tenant_id: 9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5
      client_id: 11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f
      client_secret: {secret: entra-client-secret}
queues:
  sso-sync-entra: {url: 'https://sqs.example/sso-sync-entra', dlqUrl: 'https://sqs.example/sso-sync-entra-dlq'}
  sso-resync-entra: {url: 'https://sqs.example/sso-resync-entra', dlqUrl: 'https://sqs.example/sso-resync-entra-dlq'}
serviceAccounts:
  roleArns: {sso-sync-entra: 'arn:aws:iam::1:role/s', sso-resync-entra: 'arn:aws:iam::1:role/r'}
";

/// The file of sources, as the units read it.
fn file(objects: &Objects) -> Config {
    let text = objects.get("ConfigMap", "config")["data"]["coppice.toml"].as_str().unwrap();
    Config::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["labels"][name].as_str()
}

/// The pods that run until they are stopped, by the names of their Deployments.
fn running(objects: &Objects) -> BTreeMap<String, Value> {
    let deployments = objects.of_kind("Deployment").into_iter();
    deployments
        .map(|object| (object["metadata"]["name"].as_str().unwrap().to_owned(), pod(object).unwrap().clone()))
        .collect()
}

/// The files of a pod's secrets of sources, each with its Secret.
fn secrets(object: &Value) -> Vec<(String, String)> {
    let volumes = pod_spec(object).unwrap()["volumes"].as_array().unwrap();
    let Some(volume) = volumes.iter().find(|volume| volume["name"] == "source-secrets") else {
        return Vec::new();
    };
    let sources = volume["projected"]["sources"].as_array().unwrap().iter();
    sources
        .map(|source| {
            let item = &source["secret"]["items"][0];
            assert_eq!(item["key"], item["path"]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&item["path"]), text(&source["secret"]["name"]))
        })
        .collect()
}

#[test]
fn the_units_accept_the_file_of_every_example_and_the_branches_are_those_of_the_topology() {
    for example in EXAMPLES {
        let objects = render(example, "");
        let expected: BTreeSet<String> =
            topology::branches(&file(&objects)).iter().map(Branch::name).collect();
        let deployed = objects.all().filter(|object| pod(object).is_some());
        let deployed: BTreeSet<String> =
            deployed.filter_map(|object| label(object, "coppice/branch")).map(str::to_owned).collect();
        // The smaller examples have no resync jobs.
        let jobs =
            |name: &String| !name.contains("-resync-") || ["production", "emulator"].contains(&example);
        assert_eq!(deployed, expected.into_iter().filter(jobs).collect(), "{example}");
    }
}

#[test]
fn a_branch_has_the_queue_the_account_and_the_labels_of_its_name() {
    let objects = render("production", "");
    for branch in topology::branches(&file(&objects)) {
        let name = branch.name();
        let kind = if branch.unit.kind == fleet::Kind::Job { "CronJob" } else { "Deployment" };
        let object = objects.get(kind, &name);
        let url =
            |end: &str| format!("https://sqs.eu-central-1.amazonaws.com/123456789012/coppice-{name}{end}");
        assert_eq!(variable(object, "COPPICE_QUEUE_URL"), Some(url("").as_str()));
        assert_eq!(variable(object, "COPPICE_DLQ_URL"), Some(url("-dlq").as_str()));
        assert_eq!(variable(object, "COPPICE_SOURCE"), Some(branch.source.name.as_str()));
        assert_eq!(variable(object, "COPPICE_CONFIG_FILE"), Some("/etc/coppice/coppice.toml"));
        assert_eq!(pod_spec(object).unwrap()["serviceAccountName"], format!("coppice-{name}"));
        let account = &objects.get("ServiceAccount", &name)["metadata"]["annotations"];
        let role = format!("arn:aws:iam::123456789012:role/coppice-{name}-eu-central-1");
        assert_eq!(account["eks.amazonaws.com/role-arn"], role);
        for labelled in [object, pod(object).unwrap()] {
            assert_eq!(label(labelled, "coppice/branch"), Some(name.as_str()));
            assert_eq!(label(labelled, "coppice/source"), Some(branch.source.name.as_str()));
            assert_eq!(label(labelled, "coppice/unit"), Some(branch.unit.name));
        }
        if kind == "Deployment" {
            let selector = &object["spec"]["selector"]["matchLabels"]["coppice/branch"];
            assert_eq!(selector, name.as_str(), "no Deployment takes another one's pods");
            let budget = &objects.get("PodDisruptionBudget", &name)["spec"]["selector"]["matchLabels"];
            assert_eq!(budget["coppice/branch"], name.as_str());
        }
    }
}

#[test]
fn a_pod_gets_only_the_secrets_of_its_own_source_unless_its_unit_calls_all() {
    let objects = render("production", "");
    let pair = |name: &str, secret: &str| (name.to_owned(), secret.to_owned());
    let auth0 = pair("auth0-client-secret", "coppice-sources");
    let okta = pair("okta-api-token", "coppice-okta");
    let salesforce = pair("salesforce-client-secret", "coppice-sources");
    let stripe = pair("stripe-api-key", "coppice-sources");
    let auth0_webhook = pair("auth0-webhook", "coppice-sources");
    let staff = pair("staff-token", "coppice-sources");
    let stripe_webhook = pair("stripe-webhook", "coppice-sources");
    for (kind, name, expected) in [
        ("Deployment", "sso-sync-auth0", vec![auth0.clone()]),
        ("Deployment", "app-login-okta", vec![okta.clone()]),
        ("Deployment", "crm-account-salesforce", vec![salesforce.clone()]),
        ("Deployment", "registry-sync-staff", vec![staff.clone()]),
        ("CronJob", "registry-listing-staff", vec![staff.clone()]),
        ("CronJob", "sso-resync-okta", vec![okta.clone()]),
        ("CronJob", "sso-changes-okta", vec![okta.clone()]),
        ("Deployment", "webhook-ingress", vec![auth0_webhook, stripe_webhook]),
        ("CronJob", "content-etl", vec![]),
        ("CronJob", "fire-drill", vec![]),
        ("Job", "migrate", vec![]),
        (
            "CronJob",
            "audit",
            vec![auth0.clone(), okta.clone(), salesforce.clone(), staff.clone(), stripe.clone()],
        ),
        ("Pod", "test-doctor", vec![auth0, okta, salesforce, staff, stripe]),
    ] {
        let object = objects.get(kind, name);
        assert_eq!(secrets(object), expected, "{kind} {name}");
        let folder = (!expected.is_empty()).then_some("/run/secrets/coppice/sources");
        assert_eq!(variable(object, "COPPICE_SECRETS_DIRECTORY"), folder, "{kind} {name}");
    }
}

#[test]
fn a_branch_s_entry_is_merged_over_its_unit_s_and_that_over_the_defaults() {
    let objects = render(
        "production",
        "
workerDefaults: {keda: {enabled: false}, replicas: 3, doctor: false, drainLimitSeconds: 20}
workers: {sso-sync: {replicas: 4, drainLimitSeconds: 21}}
branches:
  sso-sync-okta: {replicas: 0, drainLimitSeconds: 22, extraEnv: [{name: RUST_BACKTRACE, value: '1'}]}
  app-login-okta: {enabled: false}
  sso-resync-okta: {parallelism: 3}
  sso-changes-okta: {schedule: '1 * * * *'}
jobs: {sso-resync: {parallelism: 2}}
",
    );
    for (name, replicas, drain) in
        [("crm-sync-salesforce", 3, "20"), ("sso-sync-auth0", 4, "21"), ("sso-sync-okta", 0, "22")]
    {
        let deployment = objects.get("Deployment", name);
        assert_eq!(deployment["spec"]["replicas"], replicas, "{name}");
        assert_eq!(variable(deployment, "COPPICE_DRAIN_LIMIT_SECS"), Some(drain), "{name}");
        let backtrace = variable(deployment, "RUST_BACKTRACE").is_some();
        assert_eq!(backtrace, name == "sso-sync-okta", "{name}");
    }
    for kind in ["Deployment", "PodDisruptionBudget", "ServiceAccount"] {
        assert!(objects.find(kind, "app-login-auth0").is_some(), "{kind}");
        assert!(objects.find(kind, "app-login-okta").is_none(), "{kind}");
    }
    let parallelism =
        |name: &str| objects.get("CronJob", name)["spec"]["jobTemplate"]["spec"]["parallelism"].clone();
    assert_eq!((parallelism("sso-resync-auth0"), parallelism("sso-resync-okta")), (json!(2), json!(3)));
    let schedule = |name: &str| objects.get("CronJob", name)["spec"]["schedule"].clone();
    assert_eq!(
        (schedule("sso-changes-auth0"), schedule("sso-changes-okta")),
        (json!("7 * * * *"), json!("1 * * * *"))
    );
}

#[test]
fn one_more_source_adds_its_branches_and_restarts_no_other_pod() {
    let (before, after) = (render("production", ""), render("production", ENTRA));
    let (old, mut new) = (running(&before), running(&after));
    let added = new.remove("coppice-sso-sync-entra").unwrap();
    assert_eq!(old, new);
    assert!(added.to_string().contains("entra-client-secret"));
    for name in ["sso-resync-entra", "sso-changes-entra", "sso-listing-entra"] {
        assert!(before.find("CronJob", name).is_none() && after.find("CronJob", name).is_some(), "{name}");
    }
    assert!(after.find("Deployment", "app-login-entra").is_none(), "it has no log of sign-ins");
    assert!(file(&after).source("entra").is_some());
}

#[test]
fn a_change_of_the_file_replaces_the_pods_that_it_concerns() {
    let before = running(&render("production", ""));
    let replaced = |values: &str| {
        let after = running(&render("production", values));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{values}");
        let changed = before.iter().filter(|(name, pod)| after[*name] != **pod);
        changed.map(|(name, _)| name.strip_prefix("coppice-").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let okta = replaced("config: {sources: {okta: {timeout_secs: 5}}}");
    assert_eq!(okta, ["app-login-okta", "sso-sync-okta"]);
    let all_branches: Vec<String> = before
        .keys()
        .map(|name| name.strip_prefix("coppice-").unwrap().to_owned())
        .filter(|name| name != "webhook-ingress")
        .collect();
    for shared in [
        "config: {fields: {phone: {from: [sso]}}}",
        "config: {phones: {region: DE}}",
        "config: {linking: {trusted_email_from: [okta]}}",
        "config: {push: {salesforce: {fields: [email]}}}",
    ] {
        assert_eq!(replaced(shared), all_branches, "{shared}");
    }
}

#[test]
fn a_source_that_values_are_pushed_to_has_a_branch_of_crm_account_and_no_other_has() {
    let hubspot = "
config: {sources: {hubspot: {role: crm, connector: hubspot, token: {secret: hubspot-token}}}}
queues:
  crm-sync-hubspot: {url: 'https://sqs.example/sync', dlqUrl: 'https://sqs.example/sync-dlq'}
  crm-resync-hubspot: {url: 'https://sqs.example/resync', dlqUrl: 'https://sqs.example/resync-dlq'}
  crm-account-hubspot: {url: 'https://sqs.example/account', dlqUrl: 'https://sqs.example/account-dlq'}
aws: {identity: pod-identity}
";
    let known = hubspot.replace("  crm-account-hubspot: {url: 'https://sqs.example/account', dlqUrl: 'https://sqs.example/account-dlq'}\n", "");
    let objects = render("production", &known);
    for (branch, exists) in
        [("crm-sync-hubspot", true), ("crm-account-hubspot", false), ("crm-account-salesforce", true)]
    {
        assert_eq!(objects.find("Deployment", branch).is_some(), exists, "{branch}");
    }
    let pushed = hubspot.replace("config: {", "config: {push: {hubspot: {fields: [email]}}, ");
    assert!(render("production", &pushed).find("Deployment", "crm-account-hubspot").is_some());
}

/// Helm holds every number as a float, and writes a million as 1e+06.
#[test]
fn whole_numbers_are_integers_in_the_file() {
    let text = render_text(
        "production",
        "config: {sources: {okta: {timeout_secs: 7, max_body_bytes: 20000000, plain_http: true}}}",
    )
    .unwrap();
    for line in ["timeout_secs = 7\n", "max_body_bytes = 20000000\n", "plain_http = true\n"] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn audit_gets_the_queue_of_each_branch_that_it_feeds() {
    let objects = render("production", "");
    let queues = variable(objects.get("CronJob", "audit"), "COPPICE_QUEUE_URLS").unwrap();
    let queues: BTreeMap<String, String> = serde_json::from_str(queues).unwrap();
    let branches = [
        "crm-resync-salesforce",
        "identity-verification-stripe",
        "registry-resync-staff",
        "sso-resync-auth0",
        "sso-resync-okta",
    ];
    assert_eq!(queues.keys().collect::<Vec<_>>(), branches);
    for (branch, url) in queues {
        assert!(url.ends_with(&format!("/coppice-{branch}")), "{url}");
    }
}
