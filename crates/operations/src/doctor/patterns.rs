//! Checks that the deployed rules match the recorded sample events: each event of the queue by exactly one rule, and no other
//! event. EventBridge itself tests each pattern, since only EventBridge knows for sure how it reads one.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::aws::{Aws, AwsFault};
use super::finding::Findings;
use super::found::{FoundQueue, FoundRule};
use super::samples::{self, Sample};

const CHECK: &str = "sample events";

const CALLS: usize = 4;

const FIX: &str = "deploy the template of this release. If it is deployed, a rule was edited or deleted by hand: \
                   deploy/cloudformation/README.md lists what each rule matches";

pub(crate) async fn check(aws: &Aws, queue: &FoundQueue, rules: &[FoundRule], findings: &mut Findings) {
    let samples = samples::all();
    let asked = samples.iter().flat_map(|sample| rules.iter().map(move |rule| (sample, rule)));
    let matching = stream::iter(asked)
        .map(|(sample, rule)| async move {
            Ok::<_, AwsFault>((sample.name, rule.name.as_str(), takes(aws, rule, sample).await?))
        })
        .buffered(CALLS)
        .try_filter(|(_, _, taken)| std::future::ready(*taken))
        .try_collect::<Vec<_>>();
    let matching = match matching.await {
        Ok(matching) => matching,
        Err(fault) => {
            return fault.report(findings, CHECK, &queue.name, "events:TestEventPattern", FIX);
        }
    };
    let mut taken_once = 0;
    for sample in &samples {
        let takers = matching.iter().filter(|(name, _, _)| *name == sample.name).map(|(_, rule, _)| *rule);
        let takers: Vec<&str> = takers.collect();
        match judge(sample, &queue.unit, &takers) {
            Some(problem) => findings.fault(CHECK, &queue.name, problem, FIX),
            None => taken_once += takers.len(),
        }
    }
    if taken_once > 0 {
        findings.ok(CHECK, &queue.name, format!("{taken_once} match, each one rule"));
    }
}

fn judge(sample: &Sample, unit: &str, takers: &[&str]) -> Option<String> {
    let name = sample.name;
    match (sample.is_for(unit), takers) {
        (true, []) => Some(format!("no rule matches {name}: such events are lost")),
        (true, [_]) | (false, []) => None,
        (true, several) => Some(format!("{name} matches {} rules: {}", several.len(), several.join(" and "))),
        (false, takers) => {
            Some(format!("{name} is not for this queue, and matches {}", takers.join(" and ")))
        }
    }
}

async fn takes(aws: &Aws, rule: &FoundRule, sample: &Sample) -> Result<bool, AwsFault> {
    // AWS allows few such calls a second, so a pair whose sources cannot match is left out.
    if !may_match(&rule.pattern, sample.source()) {
        return Ok(false);
    }
    let call = aws.events.test_event_pattern().event_pattern(&rule.pattern).event(sample.event.to_string());
    call.send().await.map(|reply| reply.result).map_err(|error| AwsFault::of(&error))
}

/// A condition that is not a plain source or prefix may match.
fn may_match(pattern: &str, source: &str) -> bool {
    let pattern: Value = serde_json::from_str(pattern).unwrap_or_default();
    let Some(sources) = pattern["source"].as_array() else { return true };
    sources.iter().any(|one| match (one.as_str(), one["prefix"].as_str()) {
        (Some(exact), _) => exact == source,
        (None, Some(prefix)) => source.starts_with(prefix),
        (None, None) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_that_cannot_match_are_skipped() {
        for (pattern, expected) in [
            (r#"{"source":["coppice"]}"#, false),
            (r#"{"source":["coppice","coppice.ingress.scim"]}"#, true),
            (r#"{"source":[{"prefix":"coppice.ingress."}]}"#, true),
            (r#"{"source":[{"prefix":"aws.partner/"}]}"#, false),
            (r#"{"source":[{"anything-but":["coppice"]}]}"#, true),
            (r#"{"detail":{}}"#, true),
        ] {
            assert_eq!(may_match(pattern, "coppice.ingress.scim"), expected, "{pattern}");
        }
    }

    #[test]
    fn a_sample_matches_one_rule_of_its_queue_and_no_other() {
        let sample = Sample { name: "a", queues: vec![String::from("sso-sync")], event: Value::Null };
        for (unit, takers, problem) in [
            ("sso-sync", &["r"][..], None),
            ("sso-sync", &[], Some("no rule matches a")),
            ("sso-sync", &["r", "s"], Some("matches 2 rules: r and s")),
            ("crm-sync", &["r"], Some("is not for this queue")),
            ("crm-sync", &[], None),
        ] {
            let judged = judge(&sample, unit, takers);
            assert_eq!(judged.is_some(), problem.is_some(), "{unit} {takers:?}");
            assert!(judged.unwrap_or_default().contains(problem.unwrap_or_default()), "{unit} {takers:?}");
        }
    }
}
