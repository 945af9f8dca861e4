//! Records that somebody names, as arguments or on standard input.

use job_process::Failure;
use postgres_store::{GatheredPage, ResyncRun, Store};

use crate::run::superseded;

/// IDs that are stored in one statement.
const PAGE: usize = 1000;

/// Adds them to the run.
pub(crate) async fn gather(store: &Store, run: &mut ResyncRun, ids: Vec<String>) -> Result<(), Failure> {
    let ids = if ids.is_empty() { from_standard_input()? } else { ids };
    for page in ids.chunks(PAGE) {
        let (external_ids, versions) = (page.to_vec(), vec![None; page.len()]);
        let gathered = GatheredPage { external_ids, versions, ..GatheredPage::default() };
        store.gather_page(run.run_id, &gathered).await?.ok_or_else(superseded)?;
        run.pages += 1;
    }
    Ok(())
}

fn from_standard_input() -> Result<Vec<String>, Failure> {
    let unreadable = |error: std::io::Error| Failure::Usage(format!("standard input: {}", error.kind()));
    let lines: Result<Vec<String>, _> = std::io::stdin().lines().collect();
    let ids = lines.map_err(unreadable)?.into_iter().map(|line| line.trim().to_owned());
    Ok(ids.filter(|id| !id.is_empty()).collect())
}
