//! Reads the changes since the cursor. Out: loaded items, and the cursor after the last page.

use job_process::JobError;
use postgres_store::CursorMove;

use crate::calls::Paged;
use crate::listing;
use crate::loading::readings;
use crate::report::Report;
use crate::run::{Run, Visited};

/// Loads page after page until there is none. Pages that were loaded before an error stay.
pub(crate) async fn read(run: &Run, mut cursor: String, report: &mut Report) -> Result<(), JobError> {
    let mut visited = Visited::default();
    loop {
        // Before the page is read: tickets order readings that have no version.
        let ticket = run.loading.store.draw_content_ticket().await?;
        let page = match run.calls.page(&run.provider, Some(&cursor)).await? {
            Paged::Page(page) => page,
            Paged::CursorRefused => {
                let text = "the CMS refuses the cursor, so the changes are unknown: run content-etl --full";
                return Err(JobError::Failed(text.to_owned()));
            }
            Paged::TooLarge => {
                tracing::warn!("page of changes is too large: everything is read, in smaller pages");
                report.full = true;
                return listing::read(run, report).await;
            }
        };
        let (next, more) = (page.next.clone(), page.more);
        visited.go(more.then_some(&next))?;
        report.pages += 1;
        report.ignored += page.ignored as u64;
        let readings = readings(page);
        report.items += readings.len() as u64;
        let step = CursorMove { entity: &run.changes, from: Some(&cursor), to: Some(&next) };
        let loaded = run.loading.load(ticket, &readings, false, step).await?;
        report.add(loaded);
        let (changed, gone) = (loaded.changed, loaded.gone);
        tracing::info!(page = report.pages, items = readings.len(), changed, gone, "page of changes read");
        if !more {
            return Ok(());
        }
        cursor = next;
    }
}
