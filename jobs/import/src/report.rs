//! What a run reports, and the file of bad rows. No value of a row is in either.

use std::fmt;
use std::fs::File;
use std::path::Path;

use job_process::JobError;
use serde::Serialize;

use crate::rows::BadRow;

/// How a file was read.
#[derive(Debug, Serialize)]
pub(crate) struct ReadFile {
    pub(crate) name: String,
    pub(crate) encoding: &'static str,
    pub(crate) format: &'static str,
}

/// The report of a run. The counts are of this process: a resumed run counts from its checkpoint.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) source: String,
    pub(crate) files: Vec<ReadFile>,
    pub(crate) whole: bool,
    pub(crate) dry_run: bool,
    /// Rows that an interrupted run had done.
    pub(crate) resumed_at: i64,
    /// Rows of all files, bad ones included.
    pub(crate) rows: i64,
    pub(crate) new: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) removed: u64,
    /// Handed over later than the run began, and kept.
    pub(crate) newer: u64,
    pub(crate) bad: u64,
    /// Why nothing was removed.
    pub(crate) kept_because: Option<String>,
    pub(crate) secs: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ReadFile { name, encoding, format } in &self.files {
            writeln!(f, "{name}: {encoding}, {format}")?;
        }
        let Self { source, rows, new, changed, unchanged, removed, newer, bad, secs, .. } = self;
        let would = if self.dry_run { " (dry run: nothing was written)" } else { "" };
        write!(f, "{source}: {rows} rows, {new} new, {changed} changed, {unchanged} unchanged, {removed} removed, {newer} newer, {bad} bad, in {secs:.1} s{would}")?;
        if let Some(why) = &self.kept_because {
            write!(f, "\nnothing was removed: {why}")?;
        }
        Ok(())
    }
}

/// Where bad rows are written.
pub(crate) struct BadRows(Option<csv::Writer<File>>);

impl BadRows {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, JobError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let mut writer = csv::Writer::from_path(path).map_err(|error| failed(&error))?;
        writer.write_record(["file", "line", "column", "reason"]).map_err(|error| failed(&error))?;
        Ok(Self(Some(writer)))
    }

    pub(crate) fn write(&mut self, file: &str, line: u64, bad: &BadRow) -> Result<(), JobError> {
        let Some(writer) = &mut self.0 else { return Ok(()) };
        writer.write_record([file, &line.to_string(), &bad.column, bad.reason]).map_err(|error| failed(&error))
    }

    pub(crate) fn flush(&mut self) -> Result<(), JobError> {
        let flushed = self.0.as_mut().map_or(Ok(()), csv::Writer::flush);
        flushed.map_err(|error| JobError::Failed(format!("the file of bad rows cannot be written: {error}")))
    }
}

fn failed(error: &csv::Error) -> JobError {
    JobError::Failed(format!("the file of bad rows cannot be written: {error}"))
}
