//! `record list`, `record gone`, `record restore`: arguments, and the reports as text.

use std::fmt;

use job_process::{JobError, announce, instant, print};
use operations::record::{self, MarkedRecord, RestoredRecord};
use postgres_store::{MissingRecord, Write};

use crate::arguments::{Record, RecordCommand};
use crate::environment::store;
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) async fn run(command: RecordCommand, json: bool) -> Result<(), JobError> {
    let store = store().await?;
    match command {
        RecordCommand::List { source, limit, .. } => {
            let missing = record::missing(&store, source.as_deref(), limit).await.map_err(job_error)?;
            print(&Printed(missing), json)
        }
        RecordCommand::Gone { record: Record { source, external_id }, dry_run } => {
            let write = Write::if_wanted(!dry_run);
            let marked = record::mark_gone(&store, &source, &external_id, announce()?, write.as_ref());
            print(&Printed(marked.await.map_err(job_error)?), json)
        }
        RecordCommand::Restore { record: Record { source, external_id }, dry_run } => {
            let write = Write::if_wanted(!dry_run);
            let restored = record::restore(&store, &source, &external_id, write.as_ref());
            print(&Printed(restored.await.map_err(job_error)?), json)
        }
    }
}

impl fmt::Display for Printed<Vec<MissingRecord>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no record is missing");
        }
        for MissingRecord { source, external_id, missing_since } in &self.0 {
            writeln!(f, "{source} {external_id}, missing since {}", instant(*missing_since))?;
        }
        f.write_str("their values stay. Many of one source: check our permissions there")
    }
}

impl fmt::Display for Printed<MarkedRecord> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MarkedRecord { source, external_id, dry_run } = &self.0;
        if *dry_run {
            return write!(f, "{source} {external_id} is missing, and would be stored as gone");
        }
        write!(f, "{source} {external_id} is stored as gone. If a later reading finds it, it is back")
    }
}

impl fmt::Display for Printed<RestoredRecord> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RestoredRecord { source, external_id, dry_run } = &self.0;
        if *dry_run {
            return write!(
                f,
                "{source} {external_id} is stored as gone, and would be restored when it is found"
            );
        }
        write!(
            f,
            "{source} {external_id} is restored when it is found at its source. Read it now: resync-enqueuer ROLE ids {external_id}"
        )
    }
}
