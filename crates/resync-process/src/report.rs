//! What a resync job says at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use worker_runtime::Report;

#[derive(Debug, Serialize)]
pub(crate) struct ResyncReport {
    job: &'static str,
    /// Messages by how they ended, `failed` and `snooze` being those that came again later.
    outcomes: BTreeMap<&'static str, u64>,
    dead_lettered: u64,
    /// Requests to the provider, without those for tokens.
    requests: u64,
    secs: f64,
}

impl ResyncReport {
    pub(crate) fn new(job: &'static str, report: &Report, requests: u64, took: Duration) -> Self {
        let (outcomes, dead_lettered) = (report.outcomes.clone(), report.dead_lettered);
        Self { job, outcomes, dead_lettered, requests, secs: (took.as_secs_f64() * 10.0).round() / 10.0 }
    }
}

impl fmt::Display for ResyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: u64 = self.outcomes.values().sum();
        writeln!(f, "{messages} message(s) in {} s, with {} request(s)", self.secs, self.requests)?;
        for (outcome, count) in &self.outcomes {
            writeln!(f, "  {outcome}: {count}")?;
        }
        if self.dead_lettered > 0 {
            writeln!(f, "{} of them are dead-lettered now", self.dead_lettered)?;
        }
        Ok(())
    }
}
