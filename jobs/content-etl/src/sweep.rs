//! Checks the stored items that a complete listing lacks. Each is asked for by its ID first, and only the CMS's answer decides
//! whether it is marked as gone.

use job_process::JobError;
use postgres_store::{ContentKey, ContentReading, CursorMove};
use provider_content::{ContentProvider, Deletion, FetchedItem, ItemKey};

use crate::guard::most_missing;
use crate::loading::{deleted, found};
use crate::report::Report;
use crate::run::Run;

const BATCH: usize = 50;

/// `place` is the stored place of the listing. If too many items are missing, none is fetched.
pub(crate) async fn sweep(
    run: &Run,
    place: Option<&str>,
    missing: &[ContentKey],
    report: &mut Report,
) -> Result<(), JobError> {
    let loading = &run.loading;
    report.missing = Some(missing.len() as u64);
    let present = loading.store.content_counts(loading.scope()).await?.present;
    let most = most_missing(present, run.arguments.allow_deletions);
    if missing.len() as u64 > most {
        let missing = missing.len();
        return Err(JobError::Guarded(format!(
            "{missing} of {present} stored items are not in the CMS's listing, more than {most}: none was deleted. If they are \
             really gone, run content-etl --full --allow-deletions {missing}"
        )));
    }
    for batch in missing.chunks(BATCH) {
        let ticket = loading.store.draw_content_ticket().await?;
        let mut readings = Vec::with_capacity(batch.len());
        for key in batch {
            readings.push(fetch(run, key).await?);
        }
        // The cursor does not move, but it must exist: another run may have ended this listing.
        let step = CursorMove { entity: &run.listing, from: place, to: place };
        let loaded = loading.load(ticket, &readings, true, step).await?;
        report.add(loaded);
        tracing::info!(fetched = batch.len(), gone = loaded.gone, "missing items fetched");
    }
    Ok(())
}

async fn fetch(run: &Run, key: &ContentKey) -> Result<ContentReading, JobError> {
    let key = ItemKey { collection: key.collection.clone(), id: key.external_id.clone() };
    let answer = run.calls.call(async || run.provider.fetch_item(&key).await).await?;
    Ok(match answer {
        FetchedItem::Found(item) => found(*item),
        // The time of the deletion is unknown.
        FetchedItem::Gone => deleted(Deletion { key, at: None }),
    })
}
