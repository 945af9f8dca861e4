//! What a run did, for people and as JSON.

use std::fmt;

use postgres_store::LoadedContent;
use serde::Serialize;

/// See the module's documentation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) source: &'static str,
    /// What is read there.
    pub(crate) scope: String,
    /// Whether everything was read, or what had changed.
    pub(crate) full: bool,
    /// Whether the run reached its end.
    pub(crate) complete: bool,
    /// Whether all this was done, or only counted.
    pub(crate) written: bool,
    pub(crate) pages: u64,
    /// Items on these pages, those that are gone included.
    pub(crate) items: u64,
    /// Of them, new or changed.
    pub(crate) changed: u64,
    /// Of them and of the missing ones, gone now.
    pub(crate) gone: u64,
    /// Entries of a kind that we do not know, skipped.
    pub(crate) ignored: u64,
    /// Items that the listing saw, when everything was read.
    pub(crate) listed: Option<u64>,
    /// Items that are stored and were not listed; each was asked for by its ID.
    pub(crate) missing: Option<u64>,
}

impl Report {
    /// Of a run that begins.
    pub(crate) const fn new(source: &'static str, scope: String, full: bool, written: bool) -> Self {
        Self {
            source,
            scope,
            full,
            complete: false,
            written,
            pages: 0,
            items: 0,
            changed: 0,
            gone: 0,
            ignored: 0,
            listed: None,
            missing: None,
        }
    }

    /// Adds what became of readings.
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
            writeln!(f, "  not to the end")?;
        }
        if !self.written {
            writeln!(f, "  nothing was written")?;
        }
        Ok(())
    }
}
