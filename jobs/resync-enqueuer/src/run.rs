//! One run: gather, pass the guard, send, and forget it.

use std::time::Instant;

use job_process::{JobError, print};
use postgres_store::{ListingPlan, ResyncRun, RunEnd, Store};
use sqs_queue::{Queue, SqsQueue};
use tokio_util::sync::CancellationToken;

use crate::arguments::{Arguments, GuardArguments, How, Origin};
use crate::provider::{Environment, Provider};
use crate::report::{EnqueueReport, ListingReport};
use crate::sending::{Pace, send};
use crate::{changes, listing, named};

/// One for the run, one in reserve.
const CONNECTIONS: u32 = 2;
/// After so long what an interrupted run has gathered is too old to go on with: less than a day, so that a listing that
/// the guard stopped in one night is read anew in the next.
const ABANDONED_AFTER_SECS: i64 = 72_000;

/// The whole of the job.
pub(crate) async fn run(arguments: Arguments, stop: CancellationToken) -> Result<(), JobError> {
    let Arguments { role, origin, how } = arguments;
    let Environment { database, queue_url, provider } = Environment::read(role)?;
    let store = database.open(CONNECTIONS).await?;
    let source = provider.source();
    let mut report =
        EnqueueReport { source, origin: origin.name(), dry_run: how.dry_run, ..EnqueueReport::default() };
    if matches!(origin, Origin::Requested { .. }) && !store.resync_is_requested(source).await? {
        return print(&report, how.json);
    }
    let queue = connect(&queue_url, how.dry_run).await?;
    let started = Instant::now();
    // A dry run gathers as a real one does, apart from it, and leaves nothing.
    let row = if how.dry_run { format!("{} (dry run)", origin.name()) } else { origin.name().to_owned() };
    if how.anew || how.dry_run {
        store.drop_resync_run(source, &row).await?;
    }
    // What somebody named cannot be gathered again.
    let abandoned_after = (!matches!(origin, Origin::Ids { .. })).then_some(ABANDONED_AFTER_SECS);
    let asked = origin.arguments();
    let mut run = store.begin_resync_run(source, &row, &asked, abandoned_after).await?;
    if run.arguments != asked {
        return Err(JobError::Usage(format!(
            "an interrupted run was asked for {:?}, and this is for {asked:?}: go on with it by the same arguments, or \
             forget it with --anew",
            run.arguments
        )));
    }
    report.resumed = run.pages > 0 || run.read_at.is_some();
    tracing::info!(source, origin = origin.name(), run_id = %run.run_id, resumed = report.resumed, "run begins");
    let work = Work { store: &store, provider: &provider, how: &how, stop: &stop };
    let gathered = work.gather_and_pass(origin, &mut run, &mut report).await;
    if how.dry_run {
        // What it would have been is told even when the guard would have stopped it.
        report.sent = u64::try_from(store.count_resync_items(run.run_id, 0).await?).unwrap_or_default();
        store.drop_resync_run(source, &row).await?;
    }
    let finished = match gathered {
        Ok(end) if !how.dry_run => work.send_and_end(&queue, &mut run, &end, &mut report).await,
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    };
    report.pages = run.pages;
    report.secs = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    print(&report, how.json)?;
    finished?;
    match run.unproven {
        Some(reason) => Err(JobError::Failed(format!("the listing was not whole: {reason}"))),
        None => Ok(()),
    }
}

/// The queue, which must be there before anything is gathered for it.
async fn connect(url: &str, dry_run: bool) -> Result<SqsQueue, JobError> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let queue = SqsQueue::connect(&config, url);
    if !dry_run {
        let there = queue.depth().await;
        there.map_err(|error| JobError::Failed(format!("queue (COPPICE_QUEUE_URL): {error}")))?;
    }
    Ok(queue)
}

struct Work<'a> {
    store: &'a Store,
    provider: &'a Provider,
    how: &'a How,
    stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Answers what is to be done with the end of the run.
    async fn gather_and_pass(
        &self,
        origin: Origin,
        run: &mut ResyncRun,
        report: &mut EnqueueReport,
    ) -> Result<RunEnd, JobError> {
        let Self { store, provider, stop, .. } = *self;
        let source = provider.source();
        let fresh = run.read_at.is_none();
        match origin {
            Origin::Listing { guard, changed_only } => {
                self.list(run, guard, changed_only, report).await?;
                Ok(RunEnd::Nothing)
            }
            Origin::Requested { guard } => {
                self.list(run, guard, false, report).await?;
                // What was not listed was not read: the request stands.
                Ok(if run.unproven.is_none() { RunEnd::ServeRequest } else { RunEnd::Nothing })
            }
            Origin::Changes { since } => {
                if fresh {
                    changes::gather(store, provider, run, since, stop).await?;
                    self.end_reading(run).await?;
                }
                let (entity, cursor) = (provider.entity(), run.cursor.clone().unwrap_or_default());
                // What lies between the stored place and `--since` was not read.
                let leaves_gap = since.is_some() && !self.how.anew;
                match leaves_gap && store.source_cursor(source, entity).await?.is_some() {
                    true => Ok(RunEnd::Nothing),
                    false => Ok(RunEnd::MoveCursor { entity, cursor }),
                }
            }
            Origin::Stale { older_than, limit, condition } => {
                if fresh {
                    let secs = i64::try_from(older_than.as_secs()).unwrap_or(i64::MAX);
                    store.gather_stale(run.run_id, source, condition.into(), secs, limit.into()).await?;
                    self.end_reading(run).await?;
                }
                Ok(RunEnd::Nothing)
            }
            // These are added to what an interrupted run has left.
            Origin::Ids { ids } => {
                named::gather(store, run, ids, stop).await?;
                Ok(RunEnd::Nothing)
            }
        }
    }

    async fn list(
        &self,
        run: &mut ResyncRun,
        guard: GuardArguments,
        changed_only: bool,
        report: &mut EnqueueReport,
    ) -> Result<(), JobError> {
        let source = self.provider.source();
        if run.passed_at.is_some() {
            return Ok(());
        }
        if run.read_at.is_none() {
            listing::gather(self.store, self.provider, run, self.stop).await?;
        }
        let plan: ListingPlan = listing::conclude(self.store, source, run).await?;
        report.listing = Some(ListingReport::new(&plan, run.unproven.as_ref()));
        if let Some(reason) = &run.unproven {
            tracing::warn!(reason, "nothing is concluded from what is not listed");
        }
        listing::pass(self.store, source, run, &plan, guard, changed_only).await
    }

    async fn end_reading(&self, run: &ResyncRun) -> Result<(), JobError> {
        match self.store.end_resync_reading(run.run_id, None).await? {
            true => Ok(()),
            false => Err(superseded()),
        }
    }

    async fn send_and_end(
        &self,
        queue: &SqsQueue,
        run: &mut ResyncRun,
        end: &RunEnd,
        report: &mut EnqueueReport,
    ) -> Result<(), JobError> {
        let pace = Pace { batch_size: self.how.batch_size, rate: self.how.rate };
        let Self { store, provider, stop, .. } = *self;
        loop {
            send(store, queue, provider.source(), run, pace, stop, &mut report.sent).await?;
            if store.end_resync_run(run.run_id, end).await? {
                return Ok(());
            }
            if store.count_resync_items(run.run_id, run.sent_through).await? == 0 {
                return Err(superseded());
            }
        }
    }
}

/// Another process has ended the run, begun it anew, or read on.
pub(crate) fn superseded() -> JobError {
    JobError::Failed(String::from(
        "another process is at this run, or has ended it: run again to see what is left",
    ))
}
