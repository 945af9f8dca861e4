//! The run: decides what to read, reads it, prints the report.

use job_process::{JobError, announce, print};
use postgres_store::Write;
use provider_content::ContentProvider;
use settings::Reader;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::calls::Calls;
use crate::loading::Loading;
use crate::report::Report;
use crate::run::Run;
use crate::settings::JobSettings;
use crate::{changes, listing};

// One for the run, one in reserve.
const CONNECTIONS: u32 = 2;

pub(crate) async fn work(arguments: Arguments, stop: CancellationToken) -> Result<(), JobError> {
    let settings: JobSettings = Reader::from_environment().load()?;
    let provider = settings.content.connect().map_err(|error| JobError::Usage(error.to_string()))?;
    let store = settings.database.open(CONNECTIONS).await?;
    let (source, scope) = (provider.source(), provider.scope());
    let proof = Write::if_wanted(!arguments.dry_run);
    let loading = Loading { store: store.clone(), source, announce: announce()?, proof };
    let (changes, listing) = (format!("content {scope}"), format!("content listing {scope}"));
    let calls = Calls { stop, attempts: settings.attempts };
    let run = Run { arguments, provider, calls, loading, changes, listing };

    let cursor = store.source_cursor(source, &run.changes).await?;
    let cursor = cursor.filter(|_| !run.arguments.full);
    let (full, written) = (cursor.is_none(), run.loading.writes());
    let mut report = Report { source, scope, full, written, ..Report::default() };
    tracing::info!(source, full = report.full, dry_run = run.arguments.dry_run, "run begins");
    let ended = match cursor {
        Some(cursor) => changes::read(&run, cursor, &mut report).await,
        None => listing::read(&run, &mut report).await,
    };
    // The report is printed in any case, since loaded pages stay.
    report.complete = ended.is_ok();
    store.close().await;
    print(&report, run.arguments.json)?;
    ended
}
