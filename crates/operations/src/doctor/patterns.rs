//! Checks that the deployed rules of a queue are those that follow from the file of sources: each of them, with its pattern, and no
//! other. A test of `crates/topology` sends recorded events of every vendor through these patterns.

use serde_json::Value;

use super::finding::Findings;
use super::found::{FoundQueue, FoundRule};

const CHECK: &str = "pattern";

const FIX: &str = "render and deploy the topology again. If it is deployed, a rule was edited or deleted by hand, or coppice.toml \
                   is not the file that was rendered";

pub(crate) fn check(
    bus: &str,
    expected: &[topology::Rule],
    queue: &FoundQueue,
    rules: &[FoundRule],
    findings: &mut Findings,
) {
    let expected: Vec<&topology::Rule> = expected.iter().filter(|rule| rule.queue == queue.branch).collect();
    let deployed = |rule: &topology::Rule| {
        let name = format!("{bus}-{}", rule.name);
        rules.iter().find(|found| found.name == name).ok_or(name)
    };
    let mut same = 0;
    for rule in &expected {
        match deployed(rule) {
            Err(name) => findings.fault(CHECK, &name, "there is no such rule: its events are lost", FIX),
            Ok(found) if pattern(found) == rule.pattern => same += 1,
            Ok(found) => {
                let problem = format!("it takes other events than {} needs", queue.branch);
                findings.fault(CHECK, &found.name, problem, FIX);
            }
        }
    }
    for found in rules {
        if !expected.iter().any(|rule| format!("{bus}-{}", rule.name) == found.name) {
            let problem =
                format!("no source needs it for {}: its events arrive twice, or for nothing", queue.branch);
            findings.fault(CHECK, &found.name, problem, FIX);
        }
    }
    if same > 0 {
        findings.ok(CHECK, &queue.name, format!("{same} rule(s), each as coppice.toml needs it"));
    }
}

fn pattern(rule: &FoundRule) -> Value {
    serde_json::from_str(&rule.pattern).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    fn rule(name: &str, pattern: Value) -> topology::Rule {
        let (name, queue) = (name.to_owned(), String::from("sso-sync-auth0"));
        topology::Rule { name, about: String::new(), pattern, queue, transformer: None }
    }

    fn found(name: &str, pattern: &str) -> FoundRule {
        FoundRule { name: name.to_owned(), arn: String::new(), pattern: pattern.to_owned() }
    }

    #[test]
    fn rules_that_are_missing_different_or_too_many_are_faults() {
        let expected = [
            rule("sso-sync-auth0-log", json!({"source": ["a"], "detail": {"type": ["b"]}})),
            rule("sso-sync-auth0-ingress", json!({"source": ["c"]})),
        ];
        let queue = FoundQueue {
            branch: String::from("sso-sync-auth0"),
            name: String::from("coppice-sso-sync-auth0"),
            attributes: None,
            dlq: None,
        };
        let log = found("coppice-sso-sync-auth0-log", r#"{"detail": {"type": ["b"]}, "source": ["a"]}"#);
        let ingress = found("coppice-sso-sync-auth0-ingress", r#"{"source": ["c"]}"#);
        let narrow = found("coppice-sso-sync-auth0-ingress", r#"{"source": ["c"], "detail-type": ["d"]}"#);
        let twin = found("coppice-sso-sync-auth0-twin", r#"{"source": ["c"]}"#);
        for (rules, problems) in [
            (vec![log.clone(), ingress.clone()], &[][..]),
            (vec![log.clone()], &["coppice-sso-sync-auth0-ingress: there is no such rule"]),
            (vec![log.clone(), narrow], &["coppice-sso-sync-auth0-ingress: it takes other events"]),
            (vec![log, ingress, twin], &["coppice-sso-sync-auth0-twin: no source needs it"]),
        ] {
            let mut findings = Findings::default();
            check("coppice", &expected, &queue, &rules, &mut findings);
            let faults = findings.into_inner().into_iter().filter_map(|finding| match finding.level {
                Level::Fault { problem, .. } => Some(format!("{}: {problem}", finding.about)),
                Level::Ok { .. } | Level::Skipped { .. } => None,
            });
            let faults: Vec<String> = faults.collect();
            assert_eq!(faults.len(), problems.len(), "{faults:?}");
            for (fault, problem) in faults.iter().zip(problems) {
                assert!(fault.starts_with(problem), "{fault}");
            }
        }
    }
}
