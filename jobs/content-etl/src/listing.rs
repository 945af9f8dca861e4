//! Reads everything, then the changes that were made meanwhile; then, if the listing is complete, finds deleted items. The
//! listing has a cursor of its own, so that the next run resumes a killed one, and changes can be read meanwhile.

use std::collections::HashSet;

use job_process::JobError;
use postgres_store::{ContentKey, ContentReading, CursorMove};
use provider_content::{ChangesPage, ContentProvider};
use serde::{Deserialize, Serialize};

use crate::calls::Paged;
use crate::loading::{overtaken, readings};
use crate::report::Report;
use crate::run::{Run, Visited};
use crate::sweep::sweep;

// The count differs if an editor saves between the last page and the count.
const COMPARISONS: u32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    after: String,
    /// Whether its last page was read. Later pages are changes that were made meanwhile.
    listed: bool,
}

struct Listing<'a> {
    run: &'a Run,
    /// Its stored place, as text. `None`: nothing was read yet.
    stored: Option<String>,
    /// What a dry run has seen, since it stores nothing.
    seen: HashSet<ContentKey>,
}

pub(crate) async fn read(run: &Run, report: &mut Report) -> Result<(), JobError> {
    let mut listing = Listing::find(run).await?;
    let mut place = listing.place()?;
    for comparison in 1..=COMPARISONS {
        let end = listing.read_to_end(place, report).await?;
        if listing.is_complete(report).await? {
            let missing = listing.missing().await?;
            let swept = sweep(run, listing.stored.as_deref(), &missing, report).await;
            if matches!(swept, Err(JobError::Guarded(_))) {
                listing.end(None).await?;
            }
            swept?;
            return listing.end(Some(&end.after)).await;
        }
        tracing::warn!(comparison, "listing has another count than the CMS");
        // Reads the changes since, and counts again.
        if comparison == COMPARISONS && run.arguments.accept_count {
            return listing.end(Some(&end.after)).await;
        }
        place = Some(end);
    }
    listing.end(None).await?;
    Err(JobError::Guarded(format!(
        "the listing has {} items, and the CMS counts another number: no item was deleted. Run it again. If the numbers still \
         differ, --accept-count continues with changes",
        report.listed.unwrap_or(0)
    )))
}

impl<'a> Listing<'a> {
    /// The listing under way, or a new one. A dry run resumes none.
    async fn find(run: &'a Run) -> Result<Self, JobError> {
        let stored = match run.loading.writes() {
            true => run.loading.store.source_cursor(run.loading.source, &run.listing).await?,
            false => None,
        };
        if stored.is_some() {
            tracing::info!("resumes an unfinished listing");
        }
        Ok(Self { run, stored, seen: HashSet::new() })
    }

    fn place(&self) -> Result<Option<Place>, JobError> {
        let text = self.stored.as_deref();
        text.map(serde_json::from_str)
            .transpose()
            .map_err(|error| JobError::Failed(format!("place of the listing: {error}")))
    }

    /// Reads to the end of the listing, and then the changes that were made meanwhile.
    async fn read_to_end(
        &mut self,
        mut place: Option<Place>,
        report: &mut Report,
    ) -> Result<Place, JobError> {
        let mut visited = Visited::default();
        loop {
            let ticket = self.run.loading.store.draw_content_ticket().await?;
            let after = place.as_ref().map(|at| at.after.as_str());
            let page = match self.run.calls.page(&self.run.provider, after).await? {
                Paged::Page(page) => page,
                Paged::CursorRefused => {
                    self.end(None).await?;
                    let text = "the CMS refuses the listing's cursor, and the listing is dropped: run content-etl --full";
                    return Err(JobError::Failed(text.to_owned()));
                }
                Paged::TooLarge => {
                    tracing::warn!("page of the listing is too large: it begins again, with smaller pages");
                    self.end(None).await?;
                    (self.stored, self.seen, place) = (None, HashSet::new(), None);
                    visited = Visited::default();
                    continue;
                }
            };
            visited.go(page.more.then_some(&page.next))?;
            if !page.more {
                // The changes may lead through the same cursors again.
                visited = Visited::default();
            }
            let caught_up = !page.more && place.as_ref().is_some_and(|place| place.listed);
            let listed = !page.more || place.as_ref().is_some_and(|place| place.listed);
            let next = Place { after: page.next.clone(), listed };
            self.load(ticket, page, &next, report).await?;
            if caught_up {
                return Ok(next);
            }
            place = Some(next);
        }
    }

    async fn load(
        &mut self,
        ticket: i64,
        page: ChangesPage,
        next: &Place,
        report: &mut Report,
    ) -> Result<(), JobError> {
        report.pages += 1;
        report.ignored += page.ignored as u64;
        let readings = readings(page);
        report.items += readings.len() as u64;
        let to = serde_json::to_string(next).map_err(|error| JobError::Failed(error.to_string()))?;
        let step = CursorMove { entity: &self.run.listing, from: self.stored.as_deref(), to: Some(&to) };
        let loaded = self.run.loading.load(ticket, &readings, true, step).await?;
        report.add(loaded);
        let (changed, gone) = (loaded.changed, loaded.gone);
        tracing::info!(
            page = report.pages,
            items = readings.len(),
            changed,
            gone,
            "page of the listing read"
        );
        if self.run.loading.writes() {
            self.stored = Some(to);
        } else {
            self.see(&readings);
        }
        Ok(())
    }

    fn see(&mut self, readings: &[ContentReading]) {
        for ContentReading { key, item, .. } in readings {
            if item.is_some() {
                self.seen.insert(key.clone());
            } else {
                self.seen.remove(key);
            }
        }
    }

    /// Whether the listing has as many items as the CMS counts.
    async fn is_complete(&self, report: &mut Report) -> Result<bool, JobError> {
        let counted = self.run.calls.call(async || self.run.provider.count().await).await?;
        let listed = match self.run.loading.writes() {
            true => self.run.loading.store.content_counts(self.run.loading.scope()).await?.listed,
            false => self.seen.len() as u64,
        };
        report.listed = Some(listed);
        tracing::info!(listed, counted, "listing compared with the count");
        Ok(listed == counted)
    }

    /// Stored items that were not listed.
    async fn missing(&self) -> Result<Vec<ContentKey>, JobError> {
        let seen: Vec<ContentKey> = self.seen.iter().cloned().collect();
        let dry_run = (!self.run.loading.writes()).then_some(seen.as_slice());
        Ok(self.run.loading.store.unlisted_content(self.run.loading.scope(), dry_run).await?)
    }

    /// Ends the listing. Changes continue from `after`, or where they were, if the listing is dropped.
    async fn end(&self, after: Option<&str>) -> Result<(), JobError> {
        let Some(from) = &self.stored else { return Ok(()) };
        // The cursor of changes moves only now: a listing that lost a page must not hide the items on it.
        let changes = after.map(|after| (self.run.changes.as_str(), after));
        let loading = &self.run.loading;
        match loading.store.end_content_listing(loading.scope(), &self.run.listing, from, changes).await? {
            true => Ok(()),
            false => Err(overtaken()),
        }
    }
}
