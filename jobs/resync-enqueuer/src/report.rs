//! The job's report, as text and as JSON.

use std::fmt;

use postgres_store::ListingPlan;
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(crate) struct EnqueueReport {
    pub(crate) source: String,
    pub(crate) origin: &'static str,
    pub(crate) dry_run: bool,
    pub(crate) resumed: bool,
    /// Records sent, or that would be.
    pub(crate) sent: u64,
    pub(crate) pages: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listing: Option<ListingReport>,
    /// What became of the subscription by which the source sends its changes: `fresh`, `renewed` or `created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscription: Option<&'static str>,
    pub(crate) secs: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ListingReport {
    pub(crate) listed: i64,
    pub(crate) new: i64,
    pub(crate) changed: i64,
    /// Listed with the stored version, or without a version.
    pub(crate) unchanged: i64,
    pub(crate) missing: i64,
    pub(crate) stored: i64,
    /// Why the listing proves nothing about the records that it lacks.
    pub(crate) unproven: Option<String>,
}

impl ListingReport {
    pub(crate) fn new(plan: &ListingPlan, unproven: Option<&String>) -> Self {
        let ListingPlan { listed, new, changed, missing, stored } = *plan;
        let unchanged = listed - new - changed;
        Self { listed, new, changed, unchanged, missing, stored, unproven: unproven.cloned() }
    }
}

impl fmt::Display for EnqueueReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would be sent" } else { "sent" };
        let resumed = if self.resumed { ", resumed" } else { "" };
        let Self { sent, source, origin, secs, .. } = self;
        writeln!(f, "{sent} record(s) of {source} {verb} ({origin}{resumed}), in {secs} s")?;
        if let Some(kept) = self.subscription {
            writeln!(f, "the subscription of the source's changes: {kept}")?;
        }
        let Some(listing) = &self.listing else { return Ok(()) };
        let ListingReport { listed, new, changed, unchanged, missing, stored, .. } = listing;
        writeln!(f, "{listed} listed on {} page(s), {stored} stored", self.pages)?;
        writeln!(f, "  new: {new}\n  changed: {changed}\n  unchanged: {unchanged}\n  not listed: {missing}")?;
        match &listing.unproven {
            Some(reason) => writeln!(
                f,
                "the records that are not listed were not sent, because the listing is incomplete: {reason}"
            ),
            None => Ok(()),
        }
    }
}
