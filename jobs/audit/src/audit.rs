//! The run: selects records, compares them, stores the counts, sends the divergent ones to a queue. Out: the report, one row of
//! counts for each source, and messages with `--repair`.

use std::collections::BTreeMap;
use std::time::Duration;

use job_process::{JobError, print};
use postgres_store::Store;
use record_sync::SourceRecords;
use sqs_queue::SqsQueue;
use tokio_util::sync::CancellationToken;
use worker_process::read_handed_over;

use crate::arguments::Arguments;
use crate::repair::enqueue;
use crate::report::{Findings, Outcome, Report, Selection, SourceReport};
use crate::rounds::{Comparison, Halt};
use crate::source_settings::Settings;

// One for the comparison, one in reserve.
const CONNECTIONS: u32 = 2;

pub(crate) async fn run(arguments: Arguments, stop: CancellationToken) -> Result<(), JobError> {
    let Arguments { sources, repair, queue_url, .. } = &arguments;
    let Settings { database, sources, queues } = Settings::read(sources, *repair, queue_url.as_ref())?;
    let store = database.open(CONNECTIONS).await?;
    let audit = Audit { arguments: &arguments, store: &store, stop: &stop };
    let mut reports = BTreeMap::new();
    for source in sources {
        read_handed_over(&source, &store);
        let source = SourceRecords::new(source);
        reports.insert(source.name().to_owned(), audit.source(&source).await?);
    }
    let repaired = if arguments.repair { audit.repair(&mut reports, &queues).await } else { Ok(()) };
    let clean = reports
        .values()
        .all(|report| matches!(&report.outcome, Outcome::Findings(findings) if findings.is_clean()));
    let report = Report { sources: reports.into_values().collect(), dry_run: arguments.dry_run };
    // The report is printed even if the repair failed.
    print(&report, arguments.json)?;
    repaired?;
    // The report has the reason already.
    if clean { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

struct Audit<'a> {
    arguments: &'a Arguments,
    store: &'a Store,
    stop: &'a CancellationToken,
}

impl Audit<'_> {
    async fn source(&self, source: &SourceRecords) -> Result<SourceReport, JobError> {
        let name = source.name();
        let selection = self.select(name).await?;
        let (sampled, recent) = (selection.sampled.len(), selection.recent.len());
        tracing::info!(source = name, sampled, recent, "audit of a source begins");
        let comparison = Comparison {
            source,
            store: self.store,
            stop: self.stop,
            rate: usize::try_from(self.arguments.rate).unwrap_or(usize::MAX),
            grace: Duration::from_secs(self.arguments.grace_secs.into()),
        };
        let outcome = match comparison.run(selection.all()).await {
            Ok(found) => Outcome::Findings(Findings::new(&selection, found)),
            Err(Halt::Down(error)) => Outcome::Down(error.to_string()),
            Err(Halt::Store(error)) => return Err(error.into()),
            Err(Halt::Stopped) => {
                let text = format!(
                    "stopped while comparing {name}; nothing is reported, nothing was sent to a queue"
                );
                return Err(JobError::Stopped(text));
            }
        };
        if let (Outcome::Findings(findings), false) = (&outcome, self.arguments.dry_run) {
            let result = findings.result();
            tracing::info!(
                source = name,
                sampled = result.sampled,
                sampled_divergent = result.sampled_divergent,
                recent_divergent = result.recent_divergent,
                undecided = result.undecided,
                "audit of a source ended"
            );
            // Given IDs are not a random sample and would distort the trend.
            if self.arguments.ids.is_empty() {
                self.store.record_audit(name, result).await?;
            }
        }
        Ok(SourceReport { source: name.to_owned(), outcome })
    }

    async fn select(&self, source: &str) -> Result<Selection, JobError> {
        let Arguments { sample, since_hours, limit, ids, .. } = self.arguments;
        if !ids.is_empty() {
            return Ok(Selection { named: ids.clone(), ..Selection::default() });
        }
        let age = Duration::from_secs(u64::from(*since_hours) * 3600);
        let recent = self.store.records_changed_within(source, age, *limit).await?;
        Ok(Selection {
            sampled: self.store.sample_records(source, rand::random(), *sample).await?,
            recent_limited: *limit > 0 && recent.len() >= usize::try_from(*limit).unwrap_or(usize::MAX),
            recent,
            named: Vec::new(),
        })
    }

    async fn repair(
        &self,
        reports: &mut BTreeMap<String, SourceReport>,
        queues: &BTreeMap<String, String>,
    ) -> Result<(), JobError> {
        // The limit is checked for every source before anything is sent for one of them.
        let most = self.arguments.max_repair;
        for SourceReport { source, outcome } in reports.values() {
            let Outcome::Findings(findings) = outcome else { continue };
            let divergent = findings.to_repair().len();
            if divergent > most {
                return Err(JobError::Guarded(format!(
                    "{divergent} records of {source} diverge, more than --max-repair {most}: nothing was sent to a queue. \
                     Check that the settings name the right {source}, then raise --max-repair or resync the whole \
                     source"
                )));
            }
        }
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        for SourceReport { source, outcome } in reports.values_mut() {
            let (Outcome::Findings(findings), Some(queue)) = (outcome, queues.get(source)) else { continue };
            let ids = findings.to_repair();
            findings.repair = Some(match self.arguments.dry_run {
                true => ids.len(),
                false => enqueue(&SqsQueue::connect(&config, queue), source, &ids).await?,
            });
        }
        Ok(())
    }
}
