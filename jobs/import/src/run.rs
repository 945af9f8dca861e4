//! One run: check the files, read them a batch at a time, write, send, move the checkpoint; then remove what whole files lack.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use config::SourceConfig;
use job_process::{JobError, print};
use postgres_store::{Difference, HandOver, ImportRun, RecordVersion, Store};
use settings::Reader;
use sqs_queue::SqsQueue;
use tokio_util::sync::CancellationToken;

use crate::arguments::{Arguments, ImportSettings};
use crate::format::{Format, check_columns};
use crate::input::{self, Text};
use crate::report::{BadRows, ReadFile, Report};
use crate::rows::{BadRow, Row, Rows, columns};
use crate::sending::{connect, send};

// One for the run, one in reserve.
const CONNECTIONS: u32 = 2;
const PROGRESS: Duration = Duration::from_secs(5);
const REMOVALS: u32 = 500;

pub(crate) async fn run(arguments: Arguments, stop: CancellationToken) -> Result<(), JobError> {
    let ImportSettings { database, config, queue_url } = Reader::from_environment().load()?;
    let source = config.source(&arguments.source).filter(|source| source.connector.is_handed_over());
    let source = source.ok_or_else(|| {
        let known = config.sources().filter(|source| source.connector.is_handed_over());
        let known: Vec<&str> = known.map(|source| source.name.as_str()).collect();
        JobError::Usage(format!("no source {:?} whose records are handed over: {}", arguments.source, known.join(", ")))
    })?;
    let (paths, identity) = input::files(&arguments.path)
        .map_err(|error| JobError::NotFound(format!("{}: {error}", arguments.path.display())))?;
    if paths.is_empty() {
        return Err(JobError::NotFound(format!("{}: the folder has no file", arguments.path.display())));
    }
    let mut files = Vec::new();
    let mut report = Report {
        source: source.name.clone(),
        whole: arguments.whole,
        dry_run: arguments.dry_run,
        ..Report::default()
    };
    for path in &paths {
        files.push(open(path, source, &arguments.id_column, &mut report)?);
    }
    let store = database.open(CONNECTIONS).await?;
    let queue = if arguments.dry_run { None } else { Some(connect(&queue_url).await?) };
    let run = match arguments.dry_run {
        true => store.planned_import().await?,
        false => store.begin_import(&source.name, &identity, arguments.whole).await?,
    };
    report.resumed_at = run.rows;
    let bad_rows = BadRows::open(arguments.bad_rows.as_deref())?;
    let mut import = Import { arguments: &arguments, store, queue, run, report, bad_rows, stop, seen: BTreeSet::new() };
    let started = Instant::now();
    let ended = import.all(files, started).await;
    import.report.secs = started.elapsed().as_secs_f64();
    import.bad_rows.flush()?;
    print(&import.report, arguments.json)?;
    ended
}

fn open(path: &Path, source: &SourceConfig, id: &str, report: &mut Report) -> Result<(String, Rows), JobError> {
    let name = path.display().to_string();
    let Text { encoding, head, reader } =
        input::open(path).map_err(|error| JobError::NotFound(format!("{name}: {error}")))?;
    let format = Format::recognize(path, &head);
    let columns = columns(&format, &head);
    if let Some(columns) = &columns {
        check_columns(columns, id, &source.mapped_roots())
            .map_err(|fault| JobError::Usage(format!("{name} {fault}")))?;
    }
    report.files.push(ReadFile { name: name.clone(), encoding, format: format.name() });
    Ok((name, Rows::new(&format, reader, columns, id)))
}

struct Import<'a> {
    arguments: &'a Arguments,
    store: Store,
    /// `None`: a dry run.
    queue: Option<SqsQueue>,
    run: ImportRun,
    report: Report,
    bad_rows: BadRows,
    stop: CancellationToken,
    /// The IDs of a dry run that is whole.
    seen: BTreeSet<String>,
}

/// Rows that become one checkpoint.
#[derive(Default)]
struct Batch {
    rows: i64,
    records: Vec<(String, u64, HandOver)>,
    /// The IDs of its bad rows.
    bad_ids: Vec<String>,
    bad: i64,
    nameless: i64,
}

impl Import<'_> {
    async fn all(&mut self, files: Vec<(String, Rows)>, started: Instant) -> Result<(), JobError> {
        let mut skip = self.run.rows;
        let mut logged = Instant::now();
        let mut batch = Batch::default();
        for (name, mut rows) in files {
            let unreadable = |error: std::io::Error| JobError::Failed(format!("{name} cannot be read: {error}"));
            while let Some(row) = rows.next().map_err(unreadable)? {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                self.take(&mut batch, &name, row)?;
                if batch.rows >= i64::from(self.arguments.batch_size) {
                    self.write(std::mem::take(&mut batch)).await?;
                    if logged.elapsed() >= PROGRESS {
                        logged = Instant::now();
                        self.log_progress(started);
                    }
                }
            }
        }
        self.write(batch).await?;
        self.report.rows = self.run.rows;
        if self.arguments.whole {
            self.remove_absent().await?;
        }
        if self.queue.is_some() {
            self.store.finish_import(&self.run).await?;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
    fn log_progress(&self, started: Instant) {
        let done = self.run.rows - self.report.resumed_at;
        tracing::info!(rows = self.run.rows, per_second = done as f64 / started.elapsed().as_secs_f64(), "rows imported");
    }

    fn take(&mut self, batch: &mut Batch, file: &str, Row { line, read }: Row) -> Result<(), JobError> {
        batch.rows += 1;
        match read {
            Ok(record) => {
                let version = RecordVersion::At(self.run.started_at);
                let record = HandOver { record_id: record.id, version, content: Some(record.content) };
                batch.records.push((file.to_owned(), line, record));
                Ok(())
            }
            Err(bad) => self.note_bad(batch, file, line, &bad),
        }
    }

    fn note_bad(&mut self, batch: &mut Batch, file: &str, line: u64, bad: &BadRow) -> Result<(), JobError> {
        self.report.bad += 1;
        batch.bad += 1;
        match &bad.id {
            Some(id) => batch.bad_ids.push(id.clone()),
            None => batch.nameless += 1,
        }
        self.bad_rows.write(file, line, bad)
    }

    /// Commits a batch, sends what changed, and moves the checkpoint.
    async fn write(&mut self, mut batch: Batch) -> Result<(), JobError> {
        if self.stop.is_cancelled() {
            return Err(JobError::Stopped(String::from("stopped by a signal: run again to resume")));
        }
        let records = self.one_of_each(&mut batch)?;
        let plain: Vec<HandOver> = records.iter().map(|(_, _, record)| record.clone()).collect();
        let differences = self.store.compare_import(&self.report.source, &plain, self.run.started_at).await?;
        let mut changed = Vec::new();
        for ((file, line, record), difference) in records.into_iter().zip(differences) {
            let bad = |reason| BadRow::new(Some(&record.record_id), "", reason);
            match difference {
                Difference::New => self.report.new += 1,
                Difference::Changed => self.report.changed += 1,
                Difference::Unchanged => self.report.unchanged += 1,
                Difference::Newer => self.report.newer += 1,
                Difference::Twice => {
                    let twice = bad("an earlier row has its ID and other values");
                    self.note_bad(&mut batch, &file, line, &twice)?;
                }
                Difference::OtherKind => {
                    let other = bad("its record was handed over with whole numbers as versions");
                    self.note_bad(&mut batch, &file, line, &other)?;
                }
            }
            if matches!(difference, Difference::New | Difference::Changed) {
                changed.push(record);
            }
        }
        let mut seen: Vec<String> = plain.into_iter().map(|record| record.record_id).collect();
        seen.append(&mut batch.bad_ids);
        self.run.rows += batch.rows;
        self.run.bad_rows += batch.bad;
        self.run.nameless_rows += batch.nameless;
        let Some(queue) = &self.queue else {
            self.seen.extend(seen.into_iter().filter(|_| self.arguments.whole));
            return Ok(());
        };
        if !self.arguments.whole {
            seen.clear();
        }
        self.store.import_records(&self.report.source, &self.run, &changed, &seen).await?;
        let ids: Vec<String> = changed.into_iter().map(|record| record.record_id).collect();
        send(queue, &self.report.source, &ids).await?;
        self.bad_rows.flush()?;
        Ok(self.store.move_import(&self.run).await?)
    }

    /// The first row of each ID. Others with the same values say nothing new.
    fn one_of_each(&mut self, batch: &mut Batch) -> Result<Vec<(String, u64, HandOver)>, JobError> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut first: Vec<(String, u64, HandOver)> = Vec::new();
        for (file, line, record) in std::mem::take(&mut batch.records) {
            match places.get(&record.record_id) {
                None => {
                    places.insert(record.record_id.clone(), first.len());
                    first.push((file, line, record));
                }
                Some(place) if first[*place].2.content == record.content => self.report.unchanged += 1,
                Some(_) => {
                    let twice = BadRow::new(Some(&record.record_id), "", "an earlier row has its ID and other values");
                    self.note_bad(batch, &file, line, &twice)?;
                }
            }
        }
        Ok(first)
    }

    /// Absence from whole files is a removal, if each row has said whose record it is, and if the files are not far too short.
    async fn remove_absent(&mut self) -> Result<(), JobError> {
        if self.run.nameless_rows > 0 {
            let why = format!("{} rows have no readable ID, and any record may be one of them", self.run.nameless_rows);
            self.report.kept_because = Some(why);
            return Ok(());
        }
        let before = self.store.last_whole_import(&self.report.source).await?.unwrap_or_default();
        let now = self.run.rows - self.run.bad_rows;
        if now * 2 < before && !self.arguments.allow_fewer_rows {
            let why = format!("the files have {now} good rows, and the last whole run had {before}");
            self.report.kept_because = Some(why.clone());
            return Err(JobError::Guarded(format!(
                "{why}: nothing was removed. If that is right, run again with --allow-fewer-rows"
            )));
        }
        let mut after = String::new();
        loop {
            let absent = self.store.absent_from_import(&self.report.source, &self.run, &after, REMOVALS).await?;
            let Some(last) = absent.last() else { return Ok(()) };
            after.clone_from(&last.record_id);
            let absent: Vec<HandOver> =
                absent.into_iter().filter(|record| !self.seen.contains(&record.record_id)).collect();
            self.report.removed += absent.len() as u64;
            if let Some(queue) = &self.queue {
                self.store.import_records(&self.report.source, &self.run, &absent, &[]).await?;
                let ids: Vec<String> = absent.into_iter().map(|record| record.record_id).collect();
                send(queue, &self.report.source, &ids).await?;
            }
            if self.stop.is_cancelled() {
                return Err(JobError::Stopped(String::from("stopped by a signal: run again to resume")));
            }
        }
    }
}
