//! Reads the provider's whole listing, and finds the stored records that it lacks. Such a record is sent too, to be read by ID,
//! but only if the listing is complete: every page was answered, no page contradicts the total, none was empty before the end,
//! each had something new, and in the end there were as many records as the provider counts. Otherwise a missing record proves
//! nothing.

use connectors::ListedPage;
use job_process::JobError;
use postgres_store::{GatheredPage, ListingPlan, ResyncRun, Store};
use tokio_util::sync::CancellationToken;

use crate::arguments::GuardArguments;
use crate::guard::refusal;
use crate::patience::{patiently, stopped, superseded};
use crate::provider::Provider;

/// Reads pages into the run until there are no more.
pub(crate) async fn gather(
    store: &Store,
    provider: &Provider,
    run: &mut ResyncRun,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    loop {
        if stop.is_cancelled() {
            return Err(stopped());
        }
        let page = patiently(stop, async || provider.list(run.cursor.as_deref()).await).await?;
        let ended = page.next.is_none();
        let unproven = doubt(run, &page);
        let gathered = gathered(page, unproven.clone());
        let listed = gathered.external_ids.len();
        let added =
            store.gather_page(run.run_id, run.cursor.as_deref(), &gathered).await?.ok_or_else(superseded)?;
        run.pages += 1;
        run.cursor = gathered.cursor;
        run.total = run.total.or(gathered.total);
        run.unproven = run.unproven.take().or(unproven);
        tracing::info!(pages = run.pages, listed, added, total = run.total, "page read");
        if ended {
            return Ok(());
        }
        if added == 0 {
            // A cursor that leads to known records only may be a circle.
            let reason = format!("page {} had no new record and was not the last", run.pages);
            run.unproven.get_or_insert(reason);
            return Ok(());
        }
    }
}

/// Why the listing is incomplete from this page on.
fn doubt(run: &ResyncRun, page: &ListedPage) -> Option<String> {
    let number = run.pages + 1;
    if let Some(doubt) = page.doubt {
        return Some(format!("{doubt} (page {number})"));
    }
    if let Some(reason) = unreadable(&page.unreadable, number) {
        return Some(reason);
    }
    let total = page.total.and_then(|total| i64::try_from(total).ok());
    match (run.total, total) {
        (Some(before), Some(now)) if before != now => {
            Some(format!("the provider said that it has {before} records, and {now} on page {number}"))
        }
        _ => None,
    }
}

/// The finding about records of a page that cannot be read. They are named by their places, and logged.
pub(crate) fn unreadable(places: &[String], page: i64) -> Option<String> {
    let (first, others) = places.split_first()?;
    tracing::warn!(page, ?places, "records cannot be read: they are not sent");
    let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
    Some(format!("{first} of page {page} cannot be read{more}"))
}

fn gathered(page: ListedPage, unproven: Option<String>) -> GatheredPage {
    let (external_ids, versions) = page.records.into_iter().map(|record| (record.id, record.version)).unzip();
    let total = page.total.and_then(|total| i64::try_from(total).ok());
    GatheredPage { external_ids, versions, cursor: page.next, total, unproven }
}

/// Counts what the listing leads to, after its last page. `run.unproven` is final after this.
pub(crate) async fn conclude(
    store: &Store,
    source: &str,
    run: &mut ResyncRun,
) -> Result<ListingPlan, JobError> {
    let plan = store.plan_listing(run.run_id, source).await?;
    if let Some(total) = run.total.filter(|total| plan.listed < *total) {
        let reason = format!("the provider said that it has {total} records, and listed {}", plan.listed);
        run.unproven.get_or_insert(reason);
    }
    if !store.end_resync_reading(run.run_id, run.unproven.as_deref()).await? {
        return Err(superseded());
    }
    Ok(plan)
}

/// Checks the guard, and marks the run as passed. A run that the guard stops stays, to be allowed or restarted.
pub(crate) async fn pass(
    store: &Store,
    source: &str,
    run: &ResyncRun,
    plan: &ListingPlan,
    allowed: GuardArguments,
    changed_only: bool,
) -> Result<(), JobError> {
    let proven = run.unproven.is_none();
    if let Some(reason) = refusal(plan, proven, allowed) {
        return Err(JobError::Guarded(reason));
    }
    let passed = store.pass_listing(run.run_id, source, proven, changed_only).await?;
    if passed { Ok(()) } else { Err(superseded()) }
}
