//! The run: reads one scope after the other, decides for each what to read, and prints the report.

use job_process::{JobError, announce, print};
use postgres_store::{Store, Write};
use provider_content::{ContentClient, ContentProvider};
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
    let providers = settings.content.connect().map_err(|error| JobError::Usage(error.to_string()))?;
    let store = settings.database.open(CONNECTIONS).await?;
    let json = arguments.json;
    let (mut report, mut ended) = (Report::default(), Ok(()));
    for provider in providers {
        let calls = Calls { stop: stop.clone(), attempts: settings.attempts };
        let (source, scope) = (provider.source(), provider.scope());
        let mut part = Report { source, scope, written: !arguments.dry_run, ..Report::default() };
        let read = read(&arguments, calls, &store, provider, &mut part).await;
        report.join(part, read.as_ref().err());
        let stopped = matches!(read, Err(JobError::Stopped(_)));
        // A failure ends its own scope alone. The first one gives the exit code.
        ended = ended.and(read);
        if stopped {
            break;
        }
    }
    // The report is printed in any case, since loaded pages stay.
    store.close().await;
    print(&report, json)?;
    ended
}

async fn read(
    arguments: &Arguments,
    calls: Calls,
    store: &Store,
    provider: ContentClient,
    report: &mut Report,
) -> Result<(), JobError> {
    let (source, scope) = (provider.source(), provider.scope());
    let (changes, listing) = (format!("content {scope}"), format!("content listing {scope}"));
    let proof = Write::if_wanted(!arguments.dry_run);
    let loading = Loading { store: store.clone(), source, scope, announce: announce()?, proof };
    let run = Run { arguments: arguments.clone(), provider, calls, loading, changes, listing };

    let cursor = store.source_cursor(source, &run.changes).await?;
    let cursor = cursor.filter(|_| !run.arguments.full);
    report.full = cursor.is_none();
    tracing::info!(
        source,
        scope = report.scope,
        full = report.full,
        dry_run = !report.written,
        "reading begins"
    );
    match cursor {
        Some(cursor) => changes::read(&run, cursor, report).await,
        None => listing::read(&run, report).await,
    }
}
