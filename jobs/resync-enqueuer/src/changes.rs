//! Reads the provider's feed of changes, from the place where the last run ended. Out: IDs in the run, and the next cursor.

use connectors::ChangesFrom;
use job_process::JobError;
use postgres_store::{GatheredPage, ResyncRun, Store};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use crate::listing::unreadable;
use crate::patience::{patiently, stopped, superseded};
use crate::provider::Provider;

// Most queues keep events no longer than this.
const FIRST: Duration = Duration::DAY;

/// Reads pages into the run until the feed has no more. `run.cursor` is then where the next run starts.
pub(crate) async fn gather(
    store: &Store,
    provider: &Provider,
    run: &mut ResyncRun,
    since: Option<OffsetDateTime>,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut stored = run.cursor.clone();
    if run.cursor.is_none() && since.is_none() {
        run.cursor = store.source_cursor(provider.source(), provider.entity()).await?;
    }
    let begin = since.unwrap_or_else(|| OffsetDateTime::now_utc() - FIRST);
    loop {
        if stop.is_cancelled() {
            return Err(stopped());
        }
        let from = run.cursor.as_deref().map_or(ChangesFrom::Time(begin), ChangesFrom::Cursor);
        let page = patiently(stop, async || provider.changes(from).await).await?;
        let versions = vec![None; page.ids.len()];
        let (cursor, unproven) = (Some(page.next), unreadable(&page.unreadable, run.pages + 1));
        let gathered =
            GatheredPage { external_ids: page.ids, versions, cursor, unproven, ..GatheredPage::default() };
        let changed = gathered.external_ids.len();
        let added =
            store.gather_page(run.run_id, stored.as_deref(), &gathered).await?.ok_or_else(superseded)?;
        run.pages += 1;
        stored.clone_from(&gathered.cursor);
        run.cursor = gathered.cursor;
        run.unproven = run.unproven.take().or(gathered.unproven);
        tracing::info!(pages = run.pages, changed, added, "page read");
        if !page.more {
            return Ok(());
        }
    }
}
