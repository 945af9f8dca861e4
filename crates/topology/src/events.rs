//! The rules: which events go to which branch, and what is kept of them.

use std::collections::BTreeMap;
use std::iter;

use config::{Config, SourceConfig};
use connectors::{BusEvents, Feed, Partner, Route};
use event_contract::{DRILL_SOURCE, EventKind, INTERNAL_SOURCE};
use fleet::{Of, Sources};
use serde_json::{Value, json};

use crate::branch::{Branch, DRILL, INGRESS, INTERNAL, comes_by_ingress, ingress_source};
use crate::fault::Fault;
use crate::model::{Forward, Rule, UNDELIVERED};
use crate::transformer::Transformer;

/// What is wrong with the partner event sources.
pub(crate) fn check(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut owners = BTreeMap::<&str, &str>::new();
    for source in config.sources() {
        for name in &source.partner_sources {
            match source.connector.partner {
                None => faults.push(Fault::of(
                    &source.name,
                    format!(
                        "{} has no partner event sources: remove partner_sources",
                        source.connector.vendor
                    ),
                )),
                Some(Partner { prefix, .. }) if !name.starts_with(prefix) => faults.push(Fault::of(
                    &source.name,
                    format!("the partner event sources of {} begin with {prefix}", source.connector.vendor),
                )),
                Some(_) => {}
            }
            if let Some(other) = owners.insert(name, &source.name) {
                faults.push(Fault::of(
                    &source.name,
                    format!("{other} has the partner event source {name} too: each belongs to one source"),
                ));
            }
        }
    }
    faults
}

/// The rules of the bus.
pub(crate) fn rules(config: &Config, branches: &[Branch]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = branches.iter().flat_map(|branch| of_branch(config, branch)).collect();
    rules.push(without_consumer(config));
    rules
}

fn of_branch(config: &Config, branch: &Branch) -> Vec<Rule> {
    let Sources::Branches(of) = branch.unit.sources else { return Vec::new() };
    let Some(entrance) = branch.entrance() else { return Vec::new() };
    let rule = |end: &str, about: String, pattern: Value| Rule {
        name: format!("{}-{end}", branch.name()),
        about,
        pattern,
        queue: branch.name(),
        transformer: None,
    };
    let own_drill = json!({"source": [DRILL_SOURCE], "detail": {"unit": [branch.name()]}});
    let mut rules = match of {
        Of::Role(_) => [from_partner(config, branch, Feed::Records), from_bus(branch)].concat(),
        Of::SignIns => from_partner(config, branch, Feed::SignIns),
        Of::Pushes => {
            let kinds = [EventKind::PersonChanged, EventKind::IdentityVerified].map(EventKind::detail_type);
            let pattern = json!({"$or": [{"source": [INTERNAL_SOURCE], "detail-type": kinds}, own_drill]});
            let about = "A person changed or was verified; fire drills and heartbeats";
            vec![rule(INTERNAL, format!("{about} of {}", branch.name()), pattern)]
        }
    };
    match entrance.rule {
        INGRESS => {
            let about = format!("Events of {} by webhook-ingress; already IDs only", branch.source.name);
            rules.push(rule(INGRESS, about, json!({"source": [entrance.source]})));
        }
        // Its other rules take partner events only, which only the partner can send.
        DRILL => {
            let about = format!("Fire drills and heartbeats of {}", branch.name());
            rules.push(rule(DRILL, about, own_drill));
        }
        _ => {}
    }
    rules
}

fn from_partner(config: &Config, branch: &Branch, feed: Feed) -> Vec<Rule> {
    let source = &branch.source;
    let Some(from) = partner_pattern(config, source) else { return Vec::new() };
    let routes = source.connector.routes.iter().filter(|route| route.feed == feed);
    let rule = |Route { name, about, detail, keeps, .. }: &Route| Rule {
        name: format!("{}-{name}", branch.name()),
        about: (*about).to_owned(),
        pattern: json!({"source": from, "detail": detail(source.settings())}),
        queue: branch.name(),
        transformer: Some(Transformer::keeping(keeps)),
    };
    routes.map(rule).collect()
}

/// The events that a source puts on the bus itself. A rule that keeps a path takes only events that have it (see
/// [`Route`]); each event that its source announces is taken by one of three rules, so that none is lost in silence.
fn from_bus(branch: &Branch) -> Vec<Rule> {
    let Some(bus) = branch.source.events().bus else { return Vec::new() };
    let BusEvents { sources, detail_types, id, others, .. } = &*bus;
    let there = |path: &str, there: bool| below_detail(path, json!([{"exists": there}]));
    let pattern = |parts: Vec<Value>| {
        let mut pattern = json!({"source": sources});
        if !detail_types.is_empty() {
            pattern["detail-type"] = json!(detail_types);
        }
        parts.into_iter().fold(pattern, merged)
    };
    let rule = |end: &str, about: String, pattern: Value, keeps: &[&str]| Rule {
        name: format!("{}-{end}", branch.name()),
        about,
        pattern,
        queue: branch.name(),
        transformer: Some(Transformer::keeping(keeps)),
    };
    let name = &branch.source.name;
    let all: Vec<&str> = iter::once(id).chain(others).map(String::as_str).collect();
    let whole = pattern(all.iter().map(|path| there(path, true)).collect());
    let mut rules = vec![rule("events", format!("Events of {name} on the bus"), whole, &all)];
    if !others.is_empty() {
        let lacking: Vec<Value> = others.iter().map(|path| there(path, false)).collect();
        // `$or` needs two alternatives.
        let lacks = match lacking.as_slice() {
            [one] => one.clone(),
            several => json!({"$or": several}),
        };
        let partly = pattern(vec![there(id, true), lacks]);
        rules.push(rule("partly", format!("Events of {name} that lack a part beside the ID"), partly, &[id]));
    }
    let without = pattern(vec![there(id, false)]);
    rules.push(rule(
        "no-id",
        format!("Events of {name} without an ID, which are dead-lettered"),
        without,
        &[],
    ));
    rules
}

/// The pattern of a path below `detail`.
fn below_detail(path: &str, matcher: Value) -> Value {
    let inner = path.rsplit('.').fold(matcher, |inner, member| json!({member: inner}));
    json!({"detail": inner})
}

/// Two patterns as one, which demands both.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (key, value) in other {
                let both = match one.remove(&key) {
                    Some(own) => merged(own, value),
                    None => value,
                };
                one.insert(key, both);
            }
            Value::Object(one)
        }
        (one, _) => one,
    }
}

/// The partner event sources of a source. If it names none, any of the vendor's, unless there is another source of the vendor:
/// each event belongs to one source.
fn partner_pattern(config: &Config, source: &SourceConfig) -> Option<Value> {
    let Partner { prefix, .. } = source.connector.partner?;
    if !source.partner_sources.is_empty() {
        return Some(json!(source.partner_sources));
    }
    let of_vendor = config.sources().filter(|other| other.connector.name == source.connector.name);
    (of_vendor.count() == 1).then(|| json!([{"prefix": prefix}]))
}

/// An operator may enable a vendor at `webhook-ingress` before the file has its source. This rule recognises such events by
/// their shape, because a pattern cannot match one field both by prefix and by anything-but. Each source that a branch's rule takes
/// is excluded. The queue's alarm reports all others.
fn without_consumer(config: &Config) -> Rule {
    let taken = config.sources().filter(|source| comes_by_ingress(source)).map(ingress_source);
    let known: Vec<String> = [INTERNAL_SOURCE.to_owned()].into_iter().chain(taken).collect();
    let exists = json!([{"exists": true}]);
    Rule {
        name: String::from("ingress-without-consumer"),
        about: String::from("Webhooks that no unit takes; already IDs only"),
        pattern: json!({
            "source": [{"anything-but": known}],
            "detail": {"ids": exists, "change": exists}
        }),
        queue: UNDELIVERED.to_owned(),
        transformer: None,
    }
}

/// The partner event sources that are forwarded to the bus.
pub(crate) fn forwards(config: &Config) -> Vec<Forward> {
    let of_source = |source: &SourceConfig| {
        let (rule, partner) = (format!("forward-{}", source.name), source.connector.partner);
        let name = source.name.clone();
        let forward = move |(number, partner_source): (usize, &String)| {
            Some(Forward {
                source: name.clone(),
                number,
                partner_source: partner_source.clone(),
                rule: rule.clone(),
                pattern: json!({"detail": (partner?.forwards)()}),
            })
        };
        (1..).zip(&source.partner_sources).filter_map(forward).collect::<Vec<_>>()
    };
    config.sources().flat_map(of_source).collect()
}
