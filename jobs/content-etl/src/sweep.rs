//! What is stored and was not listed: gone, if the CMS says so of each.

use job_process::JobError;
use postgres_store::{ContentKey, ContentReading, CursorMove};
use provider_content::{ContentProvider, Deletion, FetchedItem, ItemKey};

use crate::guard::most_missing;
use crate::listing::Listing;
use crate::loading::{deleted, found};
use crate::report::Report;

/// Items that are asked for before the answers are written.
const BATCH: usize = 50;

/// Asks for each item that is missing from a listing that was whole, and writes what became of it.
///
/// # Errors
/// [`JobError::Guarded`] when too many are missing: none of them is asked for, and the listing is given up.
pub(crate) async fn sweep(listing: &Listing<'_>, report: &mut Report) -> Result<(), JobError> {
    let loading = &listing.run.loading;
    let missing = listing.missing().await?;
    report.missing = Some(missing.len() as u64);
    let present = loading.store.content_counts(loading.source).await?.present;
    let most = most_missing(present, listing.run.arguments.allow_deletions);
    if missing.len() as u64 > most {
        listing.end(None).await?;
        let missing = missing.len();
        return Err(JobError::Guarded(format!(
            "{missing} of {present} stored items are not at the CMS, more than {most}: none was deleted. If they are \
             really gone, run content-etl --full --allow-deletions {missing}"
        )));
    }
    for batch in missing.chunks(BATCH) {
        let ticket = loading.store.draw_content_ticket().await?;
        let mut readings = Vec::with_capacity(batch.len());
        for key in batch {
            readings.push(ask(listing, key).await?);
        }
        // The cursor stays, and has to be there: another run may have ended this listing.
        let place = listing.stored.as_deref();
        let step = CursorMove { entity: &listing.run.listing, from: place, to: place };
        let loaded = loading.load(ticket, &readings, true, step).await?;
        report.add(loaded);
        tracing::info!(asked = batch.len(), gone = loaded.gone, "missing items are asked for");
    }
    Ok(())
}

/// What the CMS says of one item by its ID. When it went is not known.
async fn ask(listing: &Listing<'_>, key: &ContentKey) -> Result<ContentReading, JobError> {
    let run = listing.run;
    let key = ItemKey { collection: key.collection.clone(), id: key.external_id.clone() };
    let answer = run.asking.ask(async || run.provider.fetch_item(&key).await).await?;
    Ok(match answer {
        FetchedItem::Found(item) => found(*item),
        FetchedItem::Gone => deleted(Deletion { key, at: None }),
    })
}
