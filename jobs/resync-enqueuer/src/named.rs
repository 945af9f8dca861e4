//! Reads IDs from the arguments or from standard input into the run.

use std::io;

use job_process::JobError;
use postgres_store::{GatheredPage, ResyncRun, Store};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::patience::{stopped, superseded};

/// IDs that are stored in one statement.
const PAGE: usize = 1000;

pub(crate) async fn gather(
    store: &Store,
    run: &mut ResyncRun,
    ids: Vec<String>,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let ids = if ids.is_empty() { from_standard_input(stop).await? } else { ids };
    for page in ids.chunks(PAGE) {
        let (external_ids, versions) = (page.to_vec(), vec![None; page.len()]);
        let gathered = GatheredPage { external_ids, versions, ..GatheredPage::default() };
        store.gather_page(run.run_id, None, &gathered).await?.ok_or_else(superseded)?;
        run.pages += 1;
    }
    Ok(())
}

async fn from_standard_input(stop: &CancellationToken) -> Result<Vec<String>, JobError> {
    let (sender, lines) = oneshot::channel();
    // A detached thread: a terminal may never send a line, and a signal still ends the job.
    std::thread::spawn(move || sender.send(io::stdin().lines().collect::<io::Result<Vec<String>>>()));
    let lines = tokio::select! {
        lines = lines => lines.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())),
        () = stop.cancelled() => return Err(stopped()),
    };
    let unreadable = |error: io::Error| JobError::Usage(format!("standard input: {}", error.kind()));
    let ids = lines.map_err(unreadable)?.into_iter().map(|line| line.trim().to_owned());
    Ok(ids.filter(|id| !id.is_empty()).collect())
}
