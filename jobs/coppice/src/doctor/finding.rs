//! What a check answers, and the report of all of them.

use std::fmt;

use serde::Serialize;

use super::Unit;

/// The answer to one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The kind of check: a fixed word, to filter by.
    check: &'static str,
    /// What was checked: a queue, a rule, a setting.
    about: String,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict {
    Ok { seen: String },
    Fault { problem: String, fix: String },
    Skipped { why: String },
}

/// Answers, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// It is as it should be: what was seen.
    pub(crate) fn ok(&mut self, check: &'static str, about: &str, seen: impl Into<String>) {
        self.push(check, about, Verdict::Ok { seen: seen.into() });
    }

    /// It is not, and this mends it.
    pub(crate) fn fault(
        &mut self,
        check: &'static str,
        about: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(check, about, Verdict::Fault { problem: problem.into(), fix: fix.into() });
    }

    /// It was not looked at, and why.
    pub(crate) fn skipped(&mut self, check: &'static str, about: &str, why: impl Into<String>) {
        self.push(check, about, Verdict::Skipped { why: why.into() });
    }

    fn push(&mut self, check: &'static str, about: &str, verdict: Verdict) {
        let finding = Finding { check, about: about.to_owned(), verdict };
        // A partner source serves several queues: it is said once.
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// Problems found so far, for tests of single checks.
    #[cfg(test)]
    pub(crate) fn problems(&self) -> Vec<&str> {
        let faults = self.0.iter().filter_map(|finding| match &finding.verdict {
            Verdict::Fault { problem, .. } => Some(problem.as_str()),
            Verdict::Ok { .. } | Verdict::Skipped { .. } => None,
        });
        faults.collect()
    }
}

/// All answers.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    unit: Option<Unit>,
    healthy: bool,
    checks: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(unit: Option<Unit>, Findings(checks): Findings) -> Self {
        let healthy = !checks.iter().any(|finding| matches!(finding.verdict, Verdict::Fault { .. }));
        Self { unit, healthy, checks }
    }

    /// Nothing that was looked at has a fault.
    pub(crate) const fn is_healthy(&self) -> bool {
        self.healthy
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut ok, mut faults, mut skipped) = (0, 0, 0);
        for Finding { check, about, verdict } in &self.checks {
            match verdict {
                Verdict::Ok { seen } => {
                    ok += 1;
                    writeln!(f, "ok       {check} {about}: {seen}")?;
                }
                Verdict::Fault { problem, fix } => {
                    faults += 1;
                    writeln!(f, "FAULT    {check} {about}: {problem}\n         fix: {fix}")?;
                }
                Verdict::Skipped { why } => {
                    skipped += 1;
                    writeln!(f, "skipped  {check} {about}: {why}")?;
                }
            }
        }
        writeln!(f, "{ok} ok, {faults} fault(s), {skipped} not looked at")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_is_no_fault() {
        let mut findings = Findings::default();
        findings.ok("bus", "coppice", "is there");
        findings.skipped("queue", "coppice-x", "may not be looked at");
        assert!(Report::new(None, findings).is_healthy());
    }

    #[test]
    fn a_fault_is_said_with_its_fix_and_once() {
        let mut findings = Findings::default();
        for _ in 0..2 {
            findings.fault("rule", "coppice-x", "it is DISABLED", "enable it");
        }
        let report = Report::new(None, findings);
        assert!(!report.is_healthy());
        let text = "FAULT    rule coppice-x: it is DISABLED\n         fix: enable it\n0 ok, 1 fault(s), 0 not looked at\n";
        assert_eq!(report.to_string(), text);
    }
}
