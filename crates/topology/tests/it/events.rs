//! Which branches take an event, and what they get of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use event_contract::{DRILL_SOURCE, INGRESS_SOURCE_PREFIX, INTERNAL_SOURCE};
use serde_json::{Value, json};
use topology::{Branch, Model, Rule, branches};

use crate::pattern::takes;
use crate::{config, example, model, source};

/// The sample events by name.
fn samples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cloudformation/sample-events");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
    };
    let samples: BTreeMap<_, _> = files.map(read).collect();
    assert!(samples.len() > 20);
    samples
}

/// Whether an event is from the branch's source, or from us for the branch.
fn is_for(branch: &Branch, event: &Value) -> bool {
    let from = event["source"].as_str().unwrap();
    match from {
        INTERNAL_SOURCE => true,
        DRILL_SOURCE => event["detail"]["unit"] == branch.name(),
        _ => match from.strip_prefix(INGRESS_SOURCE_PREFIX) {
            Some(name) => name == branch.source.name,
            None => {
                let on_bus =
                    branch.source.events().bus.is_some_and(|bus| bus.sources.iter().any(|one| one == from));
                on_bus || branch.source.partner_sources.iter().any(|one| one == from)
            }
        },
    }
}

fn takers<'a>(model: &'a Model, event: &Value) -> Vec<&'a Rule> {
    model.rules.iter().filter(|rule| takes(&rule.pattern, event)).collect()
}

/// What the rule's transformer makes of an event.
fn transformed(rule: &Rule, event: &Value) -> Value {
    let Some(transformer) = &rule.transformer else { return event.clone() };
    let text = transformer.paths.iter().fold(transformer.template.clone(), |text, (variable, path)| {
        let pointer = path.trim_start_matches('$').replace("[0]", ".0").replace('.', "/");
        let value = event.pointer(&pointer);
        let value = value.unwrap_or_else(|| panic!("{} reads {path}, which is missing: {event}", rule.name));
        text.replace(&format!("<{variable}>"), &value.to_string())
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error} in {text}", rule.name))
}

#[test]
fn every_sample_is_taken_once_by_each_branch_that_it_is_for() {
    let config = example();
    let model = model(&config);
    for (name, sample) in samples() {
        let units: Vec<&str> =
            sample["queues"].as_array().unwrap().iter().map(|unit| unit.as_str().unwrap()).collect();
        let event = &sample["event"];
        let branches = branches(&config);
        let expected =
            branches.iter().filter(|branch| units.contains(&branch.unit.name) && is_for(branch, event));
        let mut expected: Vec<String> = expected.map(Branch::name).collect();
        expected.extend(units.contains(&"undelivered").then(|| String::from("undelivered")));
        assert_eq!(expected.is_empty(), units.is_empty(), "{name}: a source of the example for {units:?}");
        let rules = takers(&model, event);
        let mut taken: Vec<String> = rules.iter().map(|rule| rule.queue.clone()).collect();
        taken.sort();
        expected.sort();
        assert_eq!(taken, expected, "{name}");
        for rule in rules {
            assert_eq!(transformed(rule, event)["detail"], sample["detail_after"], "{name}: {}", rule.name);
        }
    }
}

#[test]
fn every_rule_takes_a_sample() {
    let model = model(&example());
    let taken: BTreeSet<&str> = samples()
        .values()
        .flat_map(|sample| takers(&model, &sample["event"]))
        .map(|rule| rule.name.as_str())
        .collect();
    // The samples name the first branch of a unit.
    let untried: Vec<&str> =
        model.rules.iter().map(|rule| rule.name.as_str()).filter(|name| !taken.contains(name)).collect();
    let no_sample = [
        "app-login-okta-drill",
        // The first of them is tried as `log-incomplete`.
        "sso-sync-auth0-management-create-no-user",
        "sso-sync-okta-user-no-target",
    ];
    assert!(untried.iter().all(|name| no_sample.contains(name)), "no sample for {untried:?}");
}

#[test]
fn partner_events_that_a_route_takes_are_forwarded() {
    let model = model(&example());
    let mut forwarded = 0;
    for (name, sample) in samples() {
        let event = &sample["event"];
        let Some(forward) = model.forwards.iter().find(|forward| event["source"] == forward.partner_source)
        else {
            continue;
        };
        assert!(takers(&model, event).is_empty() || takes(&forward.pattern, event), "{name}");
        forwarded += 1;
    }
    assert!(forwarded > 10);
}

/// If a path does not exist, the transformer makes invalid JSON, or no message.
#[test]
fn every_pattern_demands_the_paths_that_its_transformer_reads() {
    let mut transformers = 0;
    for rule in model(&example()).rules {
        let Some(transformer) = &rule.transformer else { continue };
        transformers += 1;
        for path in transformer.paths.iter().filter_map(|(_, path)| path.strip_prefix("$.detail.")) {
            let steps: Vec<&str> = path.split('.').map(|step| step.trim_end_matches("[0]")).collect();
            assert!(
                demands(&rule.pattern["detail"], &steps),
                "{} reads {path} without asking for it",
                rule.name
            );
        }
    }
    assert!(transformers > 10);
}

fn demands(pattern: &Value, steps: &[&str]) -> bool {
    let Some((first, rest)) = steps.split_first() else {
        return pattern != &json!([{"exists": false}]) && pattern.is_array();
    };
    if let Some(below) = pattern.get(first) {
        return demands(below, rest);
    }
    let alternatives = pattern.get("$or").and_then(Value::as_array);
    alternatives.is_some_and(|all| all.iter().all(|one| demands(one, steps)))
}

#[test]
fn a_transformer_keeps_no_path_outside_those_of_its_route() {
    let config = example();
    let model = model(&config);
    for branch in branches(&config) {
        for route in branch.source.connector.routes {
            let name = format!("{}-{}", branch.name(), route.name);
            let Some(rule) = model.rules.iter().find(|rule| rule.name == name) else { continue };
            let Some(transformer) = &rule.transformer else { panic!("{name} keeps the whole event") };
            let kept: BTreeSet<&str> =
                transformer.paths.iter().filter_map(|(_, path)| path.strip_prefix("$.detail.")).collect();
            let paths_of_unit =
                branch.source.connector.routes.iter().filter(|other| other.name == route.name);
            assert!(
                paths_of_unit
                    .map(|route| route.keeps.iter().copied().collect())
                    .any(|keeps: BTreeSet<_>| keeps == kept),
                "{name}: {kept:?}"
            );
            let envelope = transformer.paths.len() - kept.len();
            assert_eq!(envelope, 4, "{name}: only the envelope besides");
        }
    }
    for rule in &model.rules {
        let source = rule.pattern["source"].to_string();
        let from_outside = source.contains("aws.partner/") || source.contains("orchard.benefits");
        assert_eq!(rule.transformer.is_some(), from_outside, "{}", rule.name);
    }
}

const FIRST: &str = "aws.partner/stripe.com/ed_one";
const SECOND: &str = "aws.partner/stripe.com/ed_two";

#[test]
fn an_event_of_one_source_goes_to_no_other_source_of_the_vendor() {
    let stripe = samples().remove("stripe.verified").unwrap()["event"].clone();
    let from = |source: &str| {
        let mut event = stripe.clone();
        event["source"] = source.into();
        event
    };
    let queues = |text: String, event: &Value| -> Vec<String> {
        takers(&model(&config(&text)), event).iter().map(|rule| rule.queue.clone()).collect()
    };
    let both = source("one", "stripe", &[FIRST]) + &source("two", "stripe", &[SECOND]);
    assert_eq!(queues(both.clone(), &from(FIRST)), ["identity-verification-one"]);
    assert_eq!(queues(both, &from(SECOND)), ["identity-verification-two"]);
    // The second one names no partner event source: its events come by webhook.
    let mixed = source("one", "stripe", &[FIRST]) + &source("two", "stripe", &[]);
    assert_eq!(queues(mixed.clone(), &from(FIRST)), ["identity-verification-one"]);
    assert_eq!(queues(mixed.clone(), &from("aws.partner/stripe.com/other")), [""; 0]);
    let webhook = json!({"source": "coppice.ingress.two", "detail": {"ids": ["x"], "change": "changed"}});
    assert_eq!(queues(mixed, &webhook), ["identity-verification-two"]);
    // One source alone takes any of the vendor's.
    assert_eq!(queues(source("one", "stripe", &[]), &from(FIRST)), ["identity-verification-one"]);
}

#[test]
fn auth0_sends_the_sign_ins_that_the_source_chooses() {
    let login = samples().remove("auth0-log.login-without-strategy").unwrap()["event"].clone();
    assert_eq!(login["detail"]["data"]["type"], "ssa");
    let auth0 = |more: &str| model(&config(&format!("{}{more}", source("auth0", "auth0", &[]))));
    assert!(takers(&auth0(""), &login).is_empty(), "no silent sign-in by default");
    let taken: Vec<String> =
        takers(&auth0("sign_ins = [\"ssa\"]"), &login).iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(taken, ["app-login-auth0-log-no-strategy"]);
}

#[test]
fn every_branch_with_an_entrance_takes_its_drills_once() {
    let config = example();
    let model = model(&config);
    let mut entered = 0;
    for branch in branches(&config) {
        let Some(entrance) = branch.entrance() else { continue };
        let drill = json!({"source": entrance.source, "detail-type": "FireDrill", "detail": {"unit": branch.name(), "drill": "x"}});
        let rules: Vec<&str> = takers(&model, &drill).iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(rules, [format!("{}-{}", branch.name(), entrance.rule)]);
        entered += 1;
    }
    assert_eq!(entered, 14);
}

#[test]
fn partner_event_sources_belong_to_one_source_of_their_vendor() {
    let faults = |text: String| topology::render(&config(&text)).unwrap_err().to_string();
    let twice = source("one", "stripe", &[FIRST]) + &source("two", "stripe", &[FIRST]);
    assert!(faults(twice).contains(&format!("sources.two: one has the partner event source {FIRST} too")));
    let foreign = faults(source("one", "okta", &[FIRST]));
    assert!(
        foreign.contains("sources.one: the partner event sources of Okta begin with aws.partner/okta.com/"),
        "{foreign}"
    );
    let none = faults(source("one", "scim", &[FIRST]));
    assert!(none.contains("sources.one: SCIM 2.0 has no partner event sources"), "{none}");
}

/// Salesforce has no webhook: with a partner event source, its events come by that alone.
#[test]
fn a_source_without_a_way_of_its_own_comes_by_webhook_ingress() {
    const RELAY: &str = "aws.partner/salesforce.com/00D/0YL";
    let rules_of = |partner_sources: &[&str]| {
        let model = model(&config(&source("sf", "salesforce", partner_sources)));
        let rules = model.rules.iter().filter(|rule| rule.queue == "crm-sync-sf");
        let rules: Vec<String> = rules.map(|rule| rule.name.clone()).collect();
        (rules, model.branches[0].entrance().unwrap().source)
    };
    let (by_relay, drilled_at) = rules_of(&[RELAY]);
    assert_eq!(by_relay, ["crm-sync-sf-changes", "crm-sync-sf-drill"]);
    assert_eq!(drilled_at, DRILL_SOURCE);
    let (by_ingress, drilled_at) = rules_of(&[]);
    assert_eq!(by_ingress, ["crm-sync-sf-changes", "crm-sync-sf-ingress"]);
    assert_eq!(drilled_at, "coppice.ingress.sf");
    // Stripe has a webhook, so both ways are open.
    let stripe = model(&config(&source("pay", "stripe", &[FIRST])));
    assert!(stripe.rules.iter().any(|rule| rule.name == "identity-verification-pay-ingress"));
}

#[test]
fn every_source_that_values_are_pushed_to_gets_the_internal_events() {
    let two = source("one", "salesforce", &[]) + &source("two", "salesforce", &[]);
    let model = model(&config(&two));
    for (kind, taken) in [("PersonChanged", true), ("IdentityVerified", true), ("AppLoginRecorded", false)] {
        let event = json!({"source": INTERNAL_SOURCE, "detail-type": kind, "detail": {"record_id": "x"}});
        let queues: Vec<&str> = takers(&model, &event).iter().map(|rule| rule.queue.as_str()).collect();
        let expected: &[&str] = if taken { &["crm-account-one", "crm-account-two"] } else { &[] };
        assert_eq!(queues, expected, "{kind}");
    }
}
