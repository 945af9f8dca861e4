//! Medians over the rounds, ratios, and the targets.
//!
//! In: runs. Out: a table for a terminal and for a document, JSON. Must not know: how the runs were measured.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contestant::Contestant;
use crate::figures::ratio;
use crate::machine::Machine;
use crate::run::{Figures, Load, Run, middle};

pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) rounds: u16,
    pub(crate) load: Load,
    pub(crate) runs: Vec<(u16, Run)>,
    /// Contestants that could not be measured, with the reason.
    pub(crate) missing: Vec<(Contestant, String)>,
}

/// A line of the table.
type Row = [String; COLUMNS.len()];

const COLUMNS: [&str; 13] = [
    "contestant",
    "CPU s per 1,000",
    "creations",
    "changes",
    "× sso-sync",
    "× bare",
    "Postgres CPU s per 1,000",
    "AWS calls per 1,000",
    "messages/s",
    "peak MB",
    "first message s",
    "lag p50/p99 ms",
    "right",
];

/// The targets of the design: the two contestants, the bound of the ratio, and its text.
const RATIO_TARGETS: [(Contestant, Contestant, f64, &str); 3] = [
    (Contestant::SsoSync, Contestant::SqsConsumer, 1.0 / 20.0, "1/20"),
    (Contestant::SsoSync, Contestant::SqsConsumerBatched, 1.0 / 7.0, "1/7"),
    (Contestant::SsoSync, Contestant::Bare, 1.3, "1.3"),
];
const RESIDENT_TARGET_MB: f64 = 25.0;

impl Report {
    /// Whether every run of every contestant was right.
    pub(crate) fn all_did_their_job(&self) -> bool {
        self.runs.iter().all(|(_, run)| run.faults.is_empty())
    }

    /// The table, for a terminal and for Markdown.
    pub(crate) fn table(&self) -> String {
        let header = COLUMNS.map(str::to_owned);
        let rows: Vec<Row> = std::iter::once(header).chain(self.rows()).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
        let mut table = String::new();
        for (number, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!(" {cell:<width$} "));
            let _ = writeln!(table, "|{}|", cells.collect::<Vec<_>>().join("|"));
            if number == 0 {
                let rule = widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|");
                let _ = writeln!(table, "|{rule}|");
            }
        }
        table.trim_end().to_owned()
    }

    pub(crate) fn targets(&self) -> String {
        let ratios = RATIO_TARGETS.iter().map(|(ours, other, bound, text)| {
            let what = format!("worker CPU at most {text} of {other}'s");
            let found = self.cpu_ratio(*ours, *other);
            verdict(&what, found, *bound, |ratio| {
                if *bound < 1.0 { format!("1/{:.1}", 1.0 / ratio) } else { format!("{ratio:.2}") }
            })
        });
        let resident = middle(self.of(Contestant::SsoSync), |figures| figures.peak_resident_mb);
        let what = format!("at most {RESIDENT_TARGET_MB} MB resident");
        let resident = verdict(&what, resident, RESIDENT_TARGET_MB, |mb| format!("{mb:.1} MB"));
        ratios.chain([resident]).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn to_json(&self) -> Value {
        let machine: serde_json::Map<String, Value> =
            self.machine.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let runs: Vec<Value> =
            self.runs.iter().map(|(round, run)| json!({ "round": round, "run": run })).collect();
        let ratios: Vec<Value> = Contestant::ALL
            .into_iter()
            .filter_map(|contestant| {
                let ratio = self.cpu_ratio(contestant, Contestant::SsoSync)?;
                Some(json!({ "contestant": contestant.name(), "worker_cpu_to_sso_sync": ratio }))
            })
            .collect();
        json!({
            "machine": machine,
            "rounds": self.rounds,
            "load": self.load,
            "ratios": ratios,
            "runs": runs,
            "missing": self.missing.iter().map(|(contestant, why)| json!([contestant.name(), why])).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn of(&self, contestant: Contestant) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|(_, run)| run).filter(move |run| run.contestant == contestant)
    }

    /// The contestants that were measured, in order.
    pub(crate) fn measured(&self) -> impl Iterator<Item = Contestant> {
        Contestant::ALL.into_iter().filter(move |contestant| self.of(*contestant).next().is_some())
    }

    fn cpu_ratio(&self, contestant: Contestant, base: Contestant) -> Option<f64> {
        let by_round = |contestant| -> Vec<(u16, f64)> {
            let runs = self.runs.iter().filter(|(_, run)| run.contestant == contestant);
            runs.filter_map(|(round, run)| Some((*round, worker_cpu(run.figures.as_ref()?)))).collect()
        };
        ratio(&by_round(contestant), &by_round(base))
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let missing = self.missing.iter().map(|(contestant, why)| {
            let mut row = Row::default();
            (row[0], row[COLUMNS.len() - 1]) = (contestant.to_string(), format!("not measured: {why}"));
            row
        });
        self.measured().map(move |contestant| self.row(contestant)).chain(missing)
    }

    fn row(&self, contestant: Contestant) -> Row {
        let median = |figure: &dyn Fn(&Figures) -> f64, places: usize| {
            let found = middle(self.of(contestant), figure);
            found.map_or_else(|| "–".to_owned(), |found| format!("{found:.places$}"))
        };
        let times = |base| {
            let ratio = self.cpu_ratio(contestant, base).filter(|_| contestant != base);
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        let wrong = self.of(contestant).filter(|run| !run.faults.is_empty()).count();
        [
            contestant.to_string(),
            median(&worker_cpu, 3),
            median(&|figures| figures.creations.worker_cpu_per_thousand(), 3),
            median(&|figures| figures.changes.worker_cpu_per_thousand(), 3),
            times(Contestant::SsoSync),
            times(Contestant::Bare),
            median(&|figures| figures.per_thousand(|phase| phase.postgres_cpu_seconds), 3),
            median(&Figures::aws_calls_per_thousand, 0),
            median(&Figures::messages_a_second, 0),
            median(&|figures| figures.peak_resident_mb, 1),
            median(&|figures| figures.first_message_seconds, 2),
            format!(
                "{}/{}",
                median(&|figures| figures.lag.p50_ms, 1),
                median(&|figures| figures.lag.p99_ms, 1)
            ),
            if wrong == 0 { "yes".to_owned() } else { format!("NO, in {wrong} run(s)") },
        ]
    }
}

/// Worker CPU seconds of both phases, for a thousand messages.
pub(crate) fn worker_cpu(figures: &Figures) -> f64 {
    figures.per_thousand(|phase| phase.worker_cpu_seconds)
}

fn verdict(what: &str, found: Option<f64>, bound: f64, format_value: impl Fn(f64) -> String) -> String {
    match found {
        Some(found) if found <= bound => format!("met: {what} ({})", format_value(found)),
        Some(found) => format!("NOT met: {what} ({})", format_value(found)),
        None => format!("not measured: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Lag, Phase};

    fn run(contestant: Contestant, cpu: f64, faults: &[&str]) -> Run {
        let phase =
            Phase { messages: 1000, seconds: 2.0, worker_cpu_seconds: cpu, postgres_cpu_seconds: 0.1 };
        let figures = Figures {
            first_message_seconds: 0.2,
            creations: phase,
            changes: phase,
            aws_calls: std::collections::BTreeMap::from([("ReceiveMessage".to_owned(), 200)]),
            peak_resident_mb: 20.0,
            lag: Lag { messages_a_second: 250.0, p50_ms: 3.0, p99_ms: 9.0 },
            statements: Vec::new(),
        };
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        Run { contestant, figures: Some(figures), faults }
    }

    fn report(runs: Vec<(u16, Run)>) -> Report {
        let missing = vec![(Contestant::Powertools, "no Python".to_owned())];
        Report {
            machine: Machine { facts: Vec::new() },
            rounds: 2,
            load: Load { messages: 1000, persons: 0, batches: None, statements: false },
            runs,
            missing,
        }
    }

    #[test]
    fn targets_are_met_or_not_or_not_measured() {
        let report = report(vec![
            (1, run(Contestant::SsoSync, 0.1, &[])),
            (1, run(Contestant::Bare, 0.05, &[])),
            (1, run(Contestant::SqsConsumer, 2.5, &[])),
        ]);
        let targets = report.targets();
        assert!(targets.contains("\nnot measured: worker CPU at most 1/7"), "{targets}");
        assert!(targets.starts_with("met: worker CPU at most 1/20 of sqs-consumer's (1/25.0)"), "{targets}");
        assert!(targets.contains("NOT met: worker CPU at most 1.3 of bare's (2.00)"), "{targets}");
        assert!(targets.ends_with("met: at most 25 MB resident (20.0 MB)"), "{targets}");
    }

    #[test]
    fn a_wrong_run_and_a_missing_contestant_stand_in_the_table() {
        let wrong = report(vec![
            (1, run(Contestant::SsoSync, 0.1, &[])),
            (2, run(Contestant::SsoSync, 0.1, &["1 person(s) missing"])),
        ]);
        assert!(!wrong.all_did_their_job());
        let table = wrong.table();
        assert!(table.contains("NO, in 1 run(s)") && table.contains("not measured: no Python"), "{table}");
        let right = report(vec![(1, run(Contestant::SsoSync, 0.1, &[]))]);
        assert!(right.all_did_their_job());
    }
}
