//! Writing what refetches brought: together, and each entry alone if that fails.

use std::sync::Arc;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::{Loop, Turn};
use crate::catch::{MISCOUNTED, PANIC, guarded, miscounted, of_database};
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler, Outcome, Refetch};
use crate::intake::Run;
use crate::ledger::Ledger;
use crate::metrics;
use crate::options::Options;

pub(super) type Results<S> = Vec<(Run<S>, Result<Outcome, Failure>)>;

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn start_apply(&mut self) {
        let Some(batch) = self.batch.take(!self.refetches.is_empty()) else { return };
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move { Turn::Applied(apply(&parts.handler, &parts.options, batch).await) });
    }

    pub(super) fn take_applied(&mut self, results: Results<H::Subject>) {
        self.batch.applied();
        for (run, result) in results {
            match result {
                Ok(outcome) => {
                    self.gate.wrote(&run);
                    self.end_run(&run, &Verdict::Done(outcome));
                }
                Err(failure) => self.fail(run, failure),
            }
        }
    }
}

async fn apply<H: Handler>(
    handler: &H,
    options: &Options,
    batch: Vec<(Run<H::Subject>, H::Fetched)>,
) -> Results<H::Subject> {
    let begun = Instant::now();
    let (runs, entries): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|(run, fetched)| (run.clone(), (run.refetch, fetched))).unzip();
    let whole = apply_guarded(handler, options, &entries).await;
    // One entry may be slow by its content. It is tried alone when the database is tried again.
    let whole = if entries.len() > 1 { whole.map_err(of_database) } else { whole };
    metrics::applied(entries.len(), begun.elapsed());
    let results = match whole {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(failure) if entries.len() == 1 || is_shared(&failure) => vec![Err(failure); entries.len()],
        // An entry may be the cause: each is applied alone, so that only the bad one fails.
        Err(_) => {
            let mut results = Vec::with_capacity(entries.len());
            for entry in entries.chunks(1) {
                let outcomes = apply_guarded(handler, options, entry).await;
                results.push(
                    outcomes.and_then(|mut outcomes| outcomes.pop().ok_or_else(|| miscounted("apply"))),
                );
            }
            results
        }
    };
    runs.into_iter().zip(results).collect()
}

async fn apply_guarded<H: Handler>(
    handler: &H,
    options: &Options,
    entries: &[(Refetch<H::Subject>, H::Fetched)],
) -> Result<Vec<Outcome>, Failure> {
    let applying = async { handler.apply(entries).await };
    let outcomes = guarded("apply", options.step_limit, applying).await?;
    // An entry without an outcome would stay in flight until the process ends.
    if outcomes.len() == entries.len() { Ok(outcomes) } else { Err(miscounted("apply")) }
}

fn is_shared(failure: &Failure) -> bool {
    match failure {
        // A panic or a missing outcome may be due to one entry.
        Failure::Transient { class, .. } => *class != PANIC && *class != MISCOUNTED,
        Failure::Ours { .. } | Failure::Limited { .. } => true,
        Failure::Upstream { .. } | Failure::Rejected { .. } => false,
    }
}
