//! The audit's report, as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use postgres_store::AuditResult;
use serde::Serialize;

use crate::comparison::Divergence;
use crate::rounds::Found;
use crate::share::wilson_interval;

const LISTED: usize = 20;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) sources: Vec<SourceReport>,
    pub(crate) dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct SourceReport {
    pub(crate) source: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Why the source could not be compared.
    Down(String),
    Findings(Findings),
}

#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    compared: usize,
    sample: Sample,
    recent: Recent,
    pub(crate) divergent: BTreeMap<Divergence, Vec<String>>,
    /// Undecided: their rows changed in every round.
    moving: Vec<String>,
    /// Undecided: the source works and cannot answer for them.
    unreadable: Vec<String>,
    /// Messages sent to a queue, or that would be.
    pub(crate) repair: Option<usize>,
}

/// Sampled at random: represents all records.
#[derive(Debug, Serialize)]
struct Sample {
    records: u32,
    divergent: u32,
    share: f64,
    share_low: f64,
    share_high: f64,
}

/// Changed lately: represents only itself.
#[derive(Debug, Serialize)]
struct Recent {
    records: u32,
    divergent: u32,
    /// As many as the limit: there may be more.
    limited: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) sampled: Vec<String>,
    pub(crate) recent: Vec<String>,
    pub(crate) recent_limited: bool,
    pub(crate) named: Vec<String>,
}

impl Selection {
    pub(crate) fn all(&self) -> BTreeSet<String> {
        [&self.sampled, &self.recent, &self.named].into_iter().flatten().cloned().collect()
    }
}

fn count(ids: &[String], wanted: impl Fn(&String) -> bool) -> u32 {
    u32::try_from(ids.iter().filter(|id| wanted(id)).count()).unwrap_or(u32::MAX)
}

impl Findings {
    pub(crate) fn new(selection: &Selection, found: Found) -> Self {
        let undecided: BTreeSet<&String> = found.moving.iter().chain(&found.unreadable).collect();
        let decided = |ids: &[String]| count(ids, |id| !undecided.contains(id));
        let divergent = |ids: &[String]| count(ids, |id| found.divergent.contains_key(id));
        // An undecided record is left out of the estimate.
        let (records, diverged) = (decided(&selection.sampled), divergent(&selection.sampled));
        let (share_low, share_high) = wilson_interval(diverged, records);
        let share = if records == 0 { 0.0 } else { f64::from(diverged) / f64::from(records) };
        let sample = Sample { records, divergent: diverged, share, share_low, share_high };
        let recent = Recent {
            records: decided(&selection.recent),
            divergent: divergent(&selection.recent),
            limited: selection.recent_limited,
        };
        let mut by_kind: BTreeMap<Divergence, Vec<String>> = BTreeMap::new();
        let compared = selection.all().len();
        for (id, how) in found.divergent {
            by_kind.entry(how).or_default().push(id);
        }
        let Found { moving, unreadable, .. } = found;
        Self { compared, sample, recent, divergent: by_kind, moving, unreadable, repair: None }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.divergent.is_empty() && self.moving.is_empty() && self.unreadable.is_empty()
    }

    pub(crate) fn to_repair(&self) -> Vec<&str> {
        let kinds = self.divergent.iter().filter(|(how, _)| how.can_be_repaired());
        kinds.flat_map(|(_, ids)| ids).map(String::as_str).collect()
    }

    pub(crate) fn result(&self) -> AuditResult {
        AuditResult {
            sampled: self.sample.records,
            sampled_divergent: self.sample.divergent,
            share: (self.sample.share_low, self.sample.share_high),
            recent: self.recent.records,
            recent_divergent: self.recent.divergent,
            undecided: u32::try_from(self.moving.len() + self.unreadable.len()).unwrap_or(u32::MAX),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for source in &self.sources {
            match &source.outcome {
                Outcome::Down(why) => writeln!(f, "{}: not compared: {why}", source.source)?,
                Outcome::Findings(findings) => findings.write(f, &source.source, self.dry_run)?,
            }
        }
        Ok(())
    }
}

impl Findings {
    fn write(&self, f: &mut fmt::Formatter<'_>, source: &str, dry_run: bool) -> fmt::Result {
        let divergent: usize = self.divergent.values().map(Vec::len).sum();
        writeln!(f, "{source}: {} record(s) compared, {divergent} divergent", self.compared)?;
        let Sample { records, divergent, share, share_low, share_high } = self.sample;
        if records > 0 {
            let [share, low, high] = [share, share_low, share_high].map(|share| share * 100.0);
            writeln!(f, "  {records} sampled at random: {divergent} divergent, {share:.2} %")?;
            writeln!(f, "    of all records, {low:.2} to {high:.2} % diverge, with 95 % confidence")?;
        }
        let Recent { records, divergent, limited } = self.recent;
        let more = if limited { ", and there may be more (--limit)" } else { "" };
        writeln!(f, "  {records} changed lately: {divergent} divergent{more}")?;
        for (how, ids) in &self.divergent {
            write_ids(f, how.as_str(), ids)?;
        }
        write_ids(f, "undecided, because they changed in every round", &self.moving)?;
        write_ids(f, "undecided, because the source cannot answer for them", &self.unreadable)?;
        match self.repair {
            Some(messages) if dry_run => writeln!(f, "  {messages} would be sent to the queue"),
            Some(messages) => writeln!(f, "  {messages} sent to the queue, to be read again"),
            None => Ok(()),
        }
    }
}

fn write_ids(f: &mut fmt::Formatter<'_>, what: &str, ids: &[String]) -> fmt::Result {
    if ids.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {what}: {}", ids.len())?;
    for id in ids.iter().take(LISTED) {
        writeln!(f, "    {id}")?;
    }
    match ids.len().checked_sub(LISTED) {
        Some(more @ 1..) => writeln!(f, "    and {more} more: --json lists them"),
        _ => Ok(()),
    }
}
