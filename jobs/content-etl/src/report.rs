//! The report of a run, as text and as JSON.

use std::fmt;

use postgres_store::LoadedContent;
use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) source: &'static str,
    /// Which space, environment or collections are read.
    pub(crate) scope: String,
    /// Whether everything was read, or only the changes.
    pub(crate) full: bool,
    pub(crate) complete: bool,
    pub(crate) written: bool,
    pub(crate) pages: u64,
    /// Items on these pages, deleted ones included.
    pub(crate) items: u64,
    pub(crate) changed: u64,
    /// Items that are gone now, missing ones included.
    pub(crate) gone: u64,
    pub(crate) ignored: u64,
    /// Items in the listing, if everything was read.
    pub(crate) listed: Option<u64>,
    /// Stored items that the listing lacks. Each was fetched by its ID.
    pub(crate) missing: Option<u64>,
}

impl Report {
    pub(crate) const fn add(&mut self, loaded: LoadedContent) {
        self.changed += loaded.changed;
        self.gone += loaded.gone;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, scope, pages, items, changed, gone, .. } = self;
        let what = if self.full { "everything" } else { "changes" };
        writeln!(f, "{source} {scope}: {what}, {items} items on {pages} page(s)")?;
        let done = if self.written { "" } else { " would be" };
        writeln!(f, "  {changed} new or changed{done}, {gone} gone{done}")?;
        if self.ignored > 0 {
            writeln!(f, "  {} of an unknown kind, skipped", self.ignored)?;
        }
        if let Some(listed) = self.listed {
            writeln!(f, "  {listed} listed, {} stored and not listed", self.missing.unwrap_or(0))?;
        }
        if !self.complete {
            writeln!(f, "  the run did not end")?;
        }
        if !self.written {
            writeln!(f, "  nothing was written")?;
        }
        Ok(())
    }
}
