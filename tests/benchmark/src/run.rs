//! One run of one contestant: start, warm-up, creations, changes, then changes at half of that rate.
//!
//! In: a contestant and a load. Out: its figures and its faults. Must not know: other runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, ensure};
use local_stack::{Tools, WorkerProcess, wait_until};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::contestant::{Contestant, Launch};
use crate::figures::{median, percentile};
use crate::growth;
use crate::outcome::{Announced, faults};
use crate::processes::{cpu_seconds, peak_resident_mb};
use crate::services::{QUEUE, Services};
use crate::statements::{self, Statement};

/// Messages before the measurement begins. After them, code is compiled, connections are open and statements are prepared.
const WARM_UP: usize = 500;
/// Longest duration of a phase.
const PHASE_LIMIT: Duration = Duration::from_secs(1800);
/// Longest time without a deletion. It is longer than the visibility timeout of a lost message.
const STALL_LIMIT: Duration = Duration::from_secs(90);
/// Longest time from the last deletion to the last announcement.
const ANNOUNCEMENT_LIMIT: Duration = Duration::from_secs(15);
const PACED_FOR: Duration = Duration::from_secs(4);
/// Interval at which the paced load sends the messages that are due.
const PACE: Duration = Duration::from_millis(2);

/// The load of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Load {
    pub(crate) messages: usize,
    /// Persons in the database before the run. If there are any, the changes are changes of them.
    pub(crate) persons: u64,
    /// Batches of ten messages that `sso-sync` may have in flight, and refetch at once. `None`: its defaults.
    pub(crate) batches: Option<usize>,
    pub(crate) statements: bool,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} persons, {} messages", self.persons, self.messages)?;
        self.batches.map_or(Ok(()), |batches| write!(f, ", {} in flight", batches * 10))
    }
}

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    #[serde(serialize_with = "by_name")]
    pub(crate) contestant: Contestant,
    /// `None` if the run failed.
    pub(crate) figures: Option<Figures>,
    /// Empty if the result is right.
    pub(crate) faults: Vec<String>,
}

/// The measurements of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// From the start of the process to the deletion of the first message.
    pub(crate) first_message_seconds: f64,
    pub(crate) creations: Phase,
    pub(crate) changes: Phase,
    pub(crate) aws_calls: BTreeMap<String, usize>,
    pub(crate) peak_resident_mb: f64,
    pub(crate) lag: Lag,
    /// Empty without `--statements`.
    pub(crate) statements: Vec<Statement>,
}

/// A number of messages that wait in the queue at once.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Phase {
    pub(crate) messages: usize,
    pub(crate) seconds: f64,
    pub(crate) worker_cpu_seconds: f64,
    pub(crate) postgres_cpu_seconds: f64,
}

/// Time from sending to deletion, when messages come evenly at half of the contestant's highest rate.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Lag {
    pub(crate) messages_a_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Phase {
    /// Worker CPU seconds for a thousand messages.
    pub(crate) fn worker_cpu_per_thousand(&self) -> f64 {
        self.worker_cpu_seconds * 1000.0 / count(self.messages)
    }
}

impl Figures {
    /// Of both phases together, for a thousand messages.
    pub(crate) fn per_thousand(&self, cpu: impl Fn(&Phase) -> f64) -> f64 {
        (cpu(&self.creations) + cpu(&self.changes)) * 1000.0
            / count(self.creations.messages + self.changes.messages)
    }

    pub(crate) fn messages_a_second(&self) -> f64 {
        count(self.creations.messages + self.changes.messages)
            / (self.creations.seconds + self.changes.seconds)
    }

    /// Of both phases together, for a thousand messages.
    pub(crate) fn aws_calls_per_thousand(&self) -> f64 {
        let calls: usize = self.aws_calls.values().sum();
        count(calls) * 1000.0 / count(self.creations.messages + self.changes.messages)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20}", self.contestant)?;
        if let Some(figures) = &self.figures {
            let worker = figures.per_thousand(|phase| phase.worker_cpu_seconds);
            let rate = figures.messages_a_second();
            write!(f, " {rate:>6.0} messages/s, {worker:.3} s of CPU per 1,000")?;
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n    wrong: {fault}"))
    }
}

/// Measures a contestant. An error becomes a fault of this run, so that the other runs still take place.
pub(crate) async fn run(contestant: Contestant, launch: &Launch, load: Load, tools: &Tools) -> Run {
    match measure(contestant, launch, load, tools).await {
        Ok((figures, faults)) => Run { contestant, figures: Some(figures), faults },
        Err(error) => Run { contestant, figures: None, faults: vec![format!("{error:#}")] },
    }
}

async fn measure(
    contestant: Contestant,
    launch: &Launch,
    load: Load,
    tools: &Tools,
) -> anyhow::Result<(Figures, Vec<String>)> {
    let around = Services::build(contestant, load, tools).await?;
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("worker.log");
    let environment = contestant.environment(&around, load.batches)?;
    let arguments: Vec<&OsStr> = launch.arguments.iter().map(AsRef::as_ref).collect();

    let warm_up_ids: Vec<String> = (0..WARM_UP).map(|number| format!("auth0|warm-up{number}")).collect();
    let first = around.create(&warm_up_ids[0])?;
    around.aws.send(QUEUE, [first]);
    let started_at = Instant::now();
    let mut worker = WorkerProcess::spawn_with(&launch.program, &arguments, &environment, &log)?;
    let running = run_phases(&around, &worker, load, started_at, &warm_up_ids[1..]).await;
    let ended = worker.status().ok().flatten();
    let (figures, announced) = running.with_context(|| {
        let log = worker.output().unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        format!("process ended: {ended:?}; its last lines, latest first: {}", last.join(" / "))
    })?;
    let faults = faults(contestant, &around, &announced).await?;
    Ok((figures, faults))
}

async fn run_phases(
    around: &Services,
    worker: &WorkerProcess,
    load: Load,
    started_at: Instant,
    warm_up_ids: &[String],
) -> anyhow::Result<(Figures, Vec<Announced>)> {
    handled(around, 1).await?;
    let first_message_seconds = (around.aws.deletions(QUEUE, 0)[0].deleted_at - started_at).as_secs_f64();
    let warm_up = warm_up_ids.iter().map(|id| around.create(id)).collect::<anyhow::Result<Vec<_>>>()?;
    around.aws.send(QUEUE, warm_up);
    handled(around, warm_up_ids.len() + 1).await?;
    announced(around, warm_up_ids.len() + 1).await;

    if load.statements {
        statements::reset(&around.postgres).await?;
    }
    let calls_before = around.aws.calls();
    let ids: Vec<String> = (0..load.messages).map(|number| format!("auth0|person{number}")).collect();
    let bodies = ids.iter().map(|id| around.create(id)).collect::<anyhow::Result<_>>()?;
    let (creations, created) = at_once(around, worker, "creations", &ids, bodies).await?;
    let residents = growth::sample(load.persons, load.messages);
    residents.iter().try_for_each(|id| around.create(id).map(drop))?;
    let ids = if residents.is_empty() { ids } else { residents };
    let bodies =
        ids.iter().map(|id| around.rename(id, format!("Renamed-{id}"))).collect::<anyhow::Result<_>>()?;
    let (changes, changed) = at_once(around, worker, "changes", &ids, bodies).await?;
    let mut aws_calls = around.aws.calls();
    for (operation, calls) in &mut aws_calls {
        *calls -= calls_before.get(operation).copied().unwrap_or(0);
    }
    let statements = if load.statements { statements::read(&around.postgres).await? } else { Vec::new() };
    let rate = count(ids.len()) / changes.seconds / 2.0;
    let (lag, paced) = paced(around, &ids, rate).await?;
    let peak_resident_mb = peak_resident_mb(worker.pid())?;
    let figures =
        Figures { first_message_seconds, creations, changes, aws_calls, peak_resident_mb, lag, statements };
    Ok((figures, vec![created, changed, paced]))
}

/// Sends all messages at once, and measures until the last one is handled.
async fn at_once(
    around: &Services,
    worker: &WorkerProcess,
    phase: &'static str,
    ids: &[String],
    bodies: Vec<String>,
) -> anyhow::Result<(Phase, Announced)> {
    let postgres = around.postgres.pid().context("the database server is gone")?;
    let (deleted, events) = (around.aws.deleted(QUEUE), around.aws.event_count());
    let before = (cpu_seconds(worker.pid())?, cpu_seconds(postgres)?);
    let sent_at = Instant::now();
    around.aws.send(QUEUE, bodies);
    handled(around, deleted + ids.len()).await?;
    announced(around, events + ids.len()).await;
    let after = (cpu_seconds(worker.pid())?, cpu_seconds(postgres)?);
    let last = around.aws.deletions(QUEUE, deleted).last().map(|deletion| deletion.deleted_at);
    let measured = Phase {
        messages: ids.len(),
        seconds: last.map_or(0.0, |at| (at - sent_at).as_secs_f64()),
        worker_cpu_seconds: after.0 - before.0,
        postgres_cpu_seconds: after.1 - before.1,
    };
    let ids = ids.iter().cloned().collect();
    Ok((measured, Announced { phase, events: around.aws.events(events), ids }))
}

/// Sends changes of one person after another at an even rate, without waiting for the worker.
async fn paced(around: &Services, ids: &[String], rate: f64) -> anyhow::Result<(Lag, Announced)> {
    let (deleted, events) = (around.aws.deleted(QUEUE), around.aws.event_count());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and positive")]
    let due_after = |elapsed: Duration| (elapsed.as_secs_f64() * rate) as usize;
    let total = due_after(PACED_FOR).max(1);
    let (begun, mut sent) = (Instant::now(), 0);
    let mut changed = BTreeSet::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while sent < total {
        pace.tick().await;
        while sent < total.min(due_after(begun.elapsed()).max(1)) {
            let id = &ids[sent % ids.len()];
            around.aws.send(QUEUE, [around.rename(id, format!("Paced-{sent}"))?]);
            changed.insert(id.clone());
            sent += 1;
        }
    }
    handled(around, deleted + total).await?;
    announced(around, events + changed.len()).await;
    let lags: Vec<f64> = around
        .aws
        .deletions(QUEUE, deleted)
        .iter()
        .map(|deletion| (deletion.deleted_at - deletion.sent_at).as_secs_f64() * 1000.0)
        .collect();
    let lag = Lag {
        messages_a_second: rate,
        p50_ms: percentile(&lags, 50).unwrap_or_default(),
        p99_ms: percentile(&lags, 99).unwrap_or_default(),
    };
    let phase = "changes at half load";
    Ok((lag, Announced { phase, events: around.aws.events(events), ids: changed }))
}

/// Waits until this number of messages was deleted in total.
async fn handled(around: &Services, messages: usize) -> anyhow::Result<()> {
    let (mut so_far, mut since) = (0, Instant::now());
    let handled = wait_until(PHASE_LIMIT, "the messages to be handled", async || {
        let deleted = around.aws.deleted(QUEUE);
        if deleted != so_far {
            (so_far, since) = (deleted, Instant::now());
        }
        Ok((deleted >= messages || since.elapsed() > STALL_LIMIT).then_some(deleted))
    });
    let deleted = handled.await?;
    ensure!(
        deleted >= messages,
        "{deleted} of {messages} message(s) deleted, and no further one for {STALL_LIMIT:?}"
    );
    Ok(())
}

/// Waits until this number of events was announced in total. `outcome` reports those that are missing.
async fn announced(around: &Services, events: usize) {
    let all = wait_until(ANNOUNCEMENT_LIMIT, "the announcements", async || {
        Ok((around.aws.event_count() >= events).then_some(()))
    });
    let _ = all.await;
}

/// A number of messages as a float, for divisions.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn count(messages: usize) -> f64 {
    messages as f64
}

fn by_name<S: serde::Serializer>(contestant: &Contestant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(contestant.name())
}

/// The median of a figure over runs.
pub(crate) fn middle<'a>(
    runs: impl Iterator<Item = &'a Run>,
    figure: impl Fn(&Figures) -> f64,
) -> Option<f64> {
    median(runs.filter_map(|run| run.figures.as_ref()).map(figure))
}
