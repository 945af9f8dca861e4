//! A panic or an endless wait in a handler's step becomes a failure of that step.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use crate::handler::Failure;

pub(crate) const PANIC: &str = "panic";

pub(crate) const OVERRUN: &str = "overrun";

pub(crate) const MISCOUNTED: &str = "miscounted";

/// A panic or an overrun of the step is a transient failure: it counts, and the process lives.
pub(crate) async fn guarded<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    // Asserting unwind safety is sound here: a step's own state is dropped with it, and what steps share (pools, caches) is
    // made to survive a task that ends anywhere.
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(panicked(step)),
        Err(_elapsed) => {
            let detail = format!("{step} took longer than {} s", limit.as_secs());
            Err(Failure::Transient { class: OVERRUN, detail, retry_after: None })
        }
    }
}

/// A step that waits for nothing but the database took too long: the database is the cause.
pub(crate) fn of_database(failure: Failure) -> Failure {
    match failure {
        Failure::Transient { class: OVERRUN, detail, .. } => Failure::Ours { class: OVERRUN, detail },
        other => other,
    }
}

pub(crate) fn panicked(step: &'static str) -> Failure {
    // The panic's message is dropped: it may quote the data of the step.
    Failure::Transient { class: PANIC, detail: format!("{step} panicked"), retry_after: None }
}

pub(crate) fn miscounted(step: &'static str) -> Failure {
    // More or fewer results than entries: no result can be assigned to its entry.
    let detail = format!("{step} did not answer for each entry");
    Failure::Transient { class: MISCOUNTED, detail, retry_after: None }
}
