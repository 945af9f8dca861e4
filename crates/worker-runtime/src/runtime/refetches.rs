//! The refetches that run: how many more may start, and which results still count.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use crate::intake::Run;

pub(super) struct Refetches<S> {
    slots: Arc<Semaphore>,
    max: usize,
    preparing: bool,
    running: HashMap<S, (u64, AbortHandle)>,
}

impl<S: Clone + Eq + Hash> Refetches<S> {
    pub(super) fn new(max: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(max)), max, preparing: false, running: HashMap::new() }
    }

    pub(super) fn startable(&self, limit: usize) -> usize {
        let in_use = self.max - self.slots.available_permits();
        // None while others are prepared: their slots are not taken yet.
        if self.preparing { 0 } else { limit.min(self.max).saturating_sub(in_use) }
    }

    pub(super) const fn set_preparing(&mut self, preparing: bool) {
        self.preparing = preparing;
    }

    pub(super) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    pub(super) fn started(&mut self, subject: S, run_id: u64, handle: AbortHandle) {
        self.running.insert(subject, (run_id, handle));
    }

    /// `false`: the run was aborted, and its result counts for nothing.
    pub(super) fn ended(&mut self, run: &Run<S>) -> bool {
        let counts = self.running.get(&run.refetch.subject).is_some_and(|(id, _)| *id == run.id);
        if counts {
            self.running.remove(&run.refetch.subject);
        }
        counts
    }

    pub(super) fn abort(&mut self, subject: &S) {
        if let Some((_, handle)) = self.running.remove(subject) {
            handle.abort();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::tests::run;

    #[tokio::test]
    async fn as_many_may_start_as_slots_are_free_and_the_upstream_bears() {
        let mut refetches = Refetches::<&str>::new(4);
        let _slot = refetches.slot().unwrap();
        assert_eq!([refetches.startable(4), refetches.startable(2), refetches.startable(0)], [3, 1, 0]);
        refetches.set_preparing(true);
        assert_eq!(refetches.startable(4), 0);
    }

    #[tokio::test]
    async fn the_result_of_an_aborted_run_counts_for_nothing() {
        let mut refetches = Refetches::new(4);
        let (first, mut second) = (run("ada"), run("ada"));
        second.id = first.id + 1;
        let task = tokio::spawn(std::future::pending::<()>());
        refetches.started("ada", first.id, task.abort_handle());
        refetches.abort(&"ada");
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(!refetches.ended(&first) && refetches.is_empty());
        let task = tokio::spawn(async {});
        refetches.started("ada", second.id, task.abort_handle());
        assert!(!refetches.ended(&first), "its result comes late");
        assert!(refetches.ended(&second) && refetches.is_empty());
    }
}
