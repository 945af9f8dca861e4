//! One run: gather IDs, pass the guard, send, delete the run's row. Out: messages on a resync queue, and the report.

use std::time::Instant;

use connectors::{Kept, ProviderError};
use job_process::{JobError, print};
use postgres_store::{ListingPlan, ResyncRun, RunEnd, Store};
use sqs_queue::{Queue, SqsQueue};
use tokio_util::sync::CancellationToken;

use crate::arguments::{Arguments, GuardArguments, How, Origin};
use crate::patience::superseded;
use crate::provider::{Environment, Provider};
use crate::report::{EnqueueReport, ListingReport};
use crate::sending::{Pace, send};
use crate::{changes, listing, named};

// One for the run, one in reserve.
const CONNECTIONS: u32 = 2;
// An older interrupted run is not resumed. Less than a day, so that a listing that the guard stopped in one night is read again
// in the next.
const ABANDONED_AFTER_SECS: i64 = 72_000;

pub(crate) async fn run(arguments: Arguments, stop: CancellationToken) -> Result<(), JobError> {
    let Arguments { source, origin, how } = arguments;
    let Environment { database, queue_url, provider } = Environment::read(&source)?;
    let store = database.open(CONNECTIONS).await?;
    provider.reads_from(&store);
    let source = provider.source();
    let mut report = EnqueueReport {
        source: source.to_owned(),
        origin: origin.name(),
        dry_run: how.dry_run,
        ..EnqueueReport::default()
    };
    if matches!(origin, Origin::Requested { .. }) && !store.resync_is_requested(source).await? {
        return print(&report, how.json);
    }
    let queue = connect(&queue_url, how.dry_run).await?;
    let started = Instant::now();
    // A dry run gathers in a row of its own, and deletes it at the end.
    let row = if how.dry_run { format!("{} (dry run)", origin.name()) } else { origin.name().to_owned() };
    if how.restart || how.dry_run {
        store.drop_resync_run(source, &row).await?;
    }
    // IDs that an operator gave cannot be gathered again, so they never expire.
    let abandoned_after = (!matches!(origin, Origin::Ids { .. })).then_some(ABANDONED_AFTER_SECS);
    let asked = origin.arguments();
    // Before the feed is read: it has what the source did not send.
    let kept = match origin {
        Origin::Changes { .. } if !how.dry_run => provider.keep_subscription().await,
        _ => Ok(None),
    };
    report.subscription = kept.as_ref().ok().copied().flatten().map(Kept::as_str);
    if let Some(kept) = report.subscription {
        tracing::info!(source, kept, "subscription of the source's changes");
    }
    let mut run = store.begin_resync_run(source, &row, &asked, abandoned_after).await?;
    if run.arguments != asked {
        return Err(JobError::Usage(format!(
            "an interrupted run has the arguments {:?}, and this one {asked:?}: resume it with the same arguments, or drop it \
             with --restart",
            run.arguments
        )));
    }
    report.resumed = run.pages > 0 || run.read_at.is_some();
    tracing::info!(source, origin = origin.name(), run_id = %run.run_id, resumed = report.resumed, "run begins");
    let work = Work { store: &store, provider: &provider, how: &how, stop: &stop };
    let gathered = work.gather_and_pass(origin, &mut run, &mut report).await;
    if how.dry_run {
        // Reported even if the guard would have stopped the run.
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
    verdict(source, kept.err(), run.unproven, report.origin)
}

/// Whether anything was left out by a run that has sent what it found.
fn verdict(
    source: &str,
    subscription: Option<ProviderError>,
    unproven: Option<String>,
    origin: &str,
) -> Result<(), JobError> {
    if let Some(error) = subscription {
        return Err(JobError::Failed(format!(
            "the feed was read, but the source does not send its changes itself: the subscription cannot be renewed or created: \
             {error}. Check notification_url in [sources.{source}]: the source calls it"
        )));
    }
    match unproven {
        Some(reason) if origin == "changes" => Err(JobError::Failed(format!(
            "the readable changes were sent, and some could not be read: {reason}. Find their records with audit, or by a listing"
        ))),
        Some(reason) => Err(JobError::Failed(format!("the listing was incomplete: {reason}"))),
        None => Ok(()),
    }
}

async fn connect(url: &str, dry_run: bool) -> Result<SqsQueue, JobError> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let queue = SqsQueue::connect(&config, url);
    if !dry_run {
        // The queue must exist before anything is gathered for it.
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
    /// Gathers, passes the guard, and returns what the end of the run has to do.
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
                // An incomplete listing does not serve the request, which stays.
                Ok(if run.unproven.is_none() { RunEnd::ServeRequest } else { RunEnd::Nothing })
            }
            Origin::Changes { since } => {
                if fresh {
                    changes::gather(store, provider, run, since, stop).await?;
                    self.end_reading(run).await?;
                }
                let (entity, cursor) = (provider.entity(), run.cursor.clone().unwrap_or_default());
                // Changes between the stored cursor and `--since` were not read.
                let leaves_gap = since.is_some() && !self.how.restart;
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
            // Added to the IDs that an interrupted run has left.
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
            tracing::warn!(reason, "listing is incomplete, records that it lacks are not sent");
        }
        listing::pass(self.store, source, run, &plan, guard, changed_only).await
    }

    async fn end_reading(&self, run: &ResyncRun) -> Result<(), JobError> {
        let ended = self.store.end_resync_reading(run.run_id, None).await?;
        if ended { Ok(()) } else { Err(superseded()) }
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
            // Another process has added records, which are sent too; without any, it has ended the run.
            if store.count_resync_items(run.run_id, run.sent_through).await? == 0 {
                return Err(superseded());
            }
        }
    }
}
