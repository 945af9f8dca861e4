//! The report of a run, as text and as JSON.

use std::fmt;

use job_process::JobError;
use postgres_store::LoadedContent;
use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) source: &'static str,
    /// Which space and environment, or which collections, are read.
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
    /// The scopes that were not read to their end.
    pub(crate) failed: Vec<Failed>,
}

/// A scope that was not read to its end, and why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failed {
    scope: String,
    reason: String,
}

impl Report {
    pub(crate) const fn add(&mut self, loaded: LoadedContent) {
        self.changed += loaded.changed;
        self.gone += loaded.gone;
    }

    /// Adds the report of one more scope, and why that scope was not read to its end.
    pub(crate) fn join(&mut self, part: Self, error: Option<&JobError>) {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        self.failed.extend(error.map(|error| Failed { scope: part.scope.clone(), reason: reason(error) }));
        *self = Self {
            source: part.source,
            scope: if self.scope.is_empty() { part.scope } else { format!("{}, {}", self.scope, part.scope) },
            full: self.full || part.full,
            complete: self.failed.is_empty(),
            written: part.written,
            pages: self.pages + part.pages,
            items: self.items + part.items,
            changed: self.changed + part.changed,
            gone: self.gone + part.gone,
            ignored: self.ignored + part.ignored,
            listed: sum(self.listed, part.listed),
            missing: sum(self.missing, part.missing),
            failed: std::mem::take(&mut self.failed),
        };
    }
}

fn reason(error: &JobError) -> String {
    match error {
        JobError::Failed(text)
        | JobError::Usage(text)
        | JobError::NotFound(text)
        | JobError::Guarded(text)
        | JobError::Stopped(text) => text.clone(),
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
            writeln!(
                f,
                "  {} skipped: of an unknown kind, or without an ID, a type or a time that can be read",
                self.ignored
            )?;
        }
        if let Some(listed) = self.listed {
            writeln!(f, "  {listed} listed, {} stored and not listed", self.missing.unwrap_or(0))?;
        }
        if !self.complete {
            writeln!(f, "  the run did not end")?;
        }
        for Failed { scope, reason } in &self.failed {
            writeln!(f, "  {scope}: {reason}")?;
        }
        if !self.written {
            writeln!(f, "  nothing was written")?;
        }
        Ok(())
    }
}
