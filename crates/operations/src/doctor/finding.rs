//! What one check found, and the report of all checks, which is healthy when no finding is a fault. Pure.

use serde::Serialize;

use super::Unit;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind of check: a fixed word, to filter by.
    pub check: &'static str,
    /// What was checked: a queue, a rule, a setting.
    pub about: String,
    /// What it found.
    #[serde(flatten)]
    pub level: Level,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum Level {
    /// It is as the unit needs it.
    Ok {
        /// What was seen.
        seen: String,
    },
    /// It is not.
    Fault {
        /// What is wrong.
        problem: String,
        /// What fixes it.
        fix: String,
    },
    /// It was not checked, which is no fault.
    Skipped {
        /// Why.
        why: String,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    #[cfg(test)]
    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.0
    }

    pub(crate) fn ok(&mut self, check: &'static str, about: &str, seen: impl Into<String>) {
        self.push(check, about, Level::Ok { seen: seen.into() });
    }

    pub(crate) fn fault(
        &mut self,
        check: &'static str,
        about: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(check, about, Level::Fault { problem: problem.into(), fix: fix.into() });
    }

    pub(crate) fn skipped(&mut self, check: &'static str, about: &str, why: impl Into<String>) {
        self.push(check, about, Level::Skipped { why: why.into() });
    }

    fn push(&mut self, check: &'static str, about: &str, level: Level) {
        let finding = Finding { check, about: about.to_owned(), level };
        // A partner source serves several queues, and is checked for each. One line is enough.
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// Problems found so far, for tests of single checks.
    #[cfg(test)]
    pub(crate) fn problems(&self) -> Vec<&str> {
        let faults = self.0.iter().filter_map(|finding| match &finding.level {
            Level::Fault { problem, .. } => Some(problem.as_str()),
            Level::Ok { .. } | Level::Skipped { .. } => None,
        });
        faults.collect()
    }
}

/// Every finding.
#[derive(Debug, Clone, Serialize)]
pub struct DoctorReport {
    /// The unit whose dependencies were checked. `None`: those that all units share.
    pub unit: Option<Unit>,
    /// Whether no check found a fault.
    pub healthy: bool,
    /// In the order of the checks.
    pub checks: Vec<Finding>,
}

impl DoctorReport {
    pub(super) fn new(unit: Option<Unit>, Findings(checks): Findings) -> Self {
        let healthy = !checks.iter().any(|finding| matches!(finding.level, Level::Fault { .. }));
        Self { unit, healthy, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_check_is_no_fault() {
        let mut findings = Findings::default();
        findings.ok("bus", "coppice", "is there");
        findings.skipped("queue", "coppice-x", "no permission");
        assert!(DoctorReport::new(None, findings).healthy);
    }

    #[test]
    fn a_fault_that_two_checks_find_is_reported_once() {
        let mut findings = Findings::default();
        for _ in 0..2 {
            findings.fault("rule", "coppice-x", "it is DISABLED", "enable it");
        }
        let report = DoctorReport::new(None, findings);
        assert_eq!((report.healthy, report.checks.len()), (false, 1));
    }
}
