//! What refetches brought, until it is written in one transaction.

use std::time::Duration;

use tokio::time::Instant;

use crate::intake::Run;
use crate::options::Options;

/// At most one batch is applied at a time. What is fetched meanwhile is the next batch.
pub(super) struct Batch<S, F> {
    fetched: Vec<(Run<S>, F)>,
    oldest: Option<Instant>,
    applying: bool,
    linger: Duration,
    max: usize,
}

impl<S: Ord, F> Batch<S, F> {
    pub(super) fn new(options: &Options) -> Self {
        let (linger, max) = (options.apply_linger, options.max_apply);
        Self { fetched: Vec::new(), oldest: None, applying: false, linger, max }
    }

    pub(super) fn push(&mut self, run: Run<S>, fetched: F) {
        self.fetched.push((run, fetched));
        self.oldest.get_or_insert_with(Instant::now);
    }

    pub(super) fn linger_over(&self) -> Option<Instant> {
        // No time while a batch is applied: the loop would spin.
        Some(self.oldest.filter(|_| !self.applying)? + self.linger)
    }

    /// The batch to apply now. `more_to_come`: refetches still run. The caller calls [`Self::applied`] when it has applied it.
    pub(super) fn take(&mut self, more_to_come: bool) -> Option<Vec<(Run<S>, F)>> {
        let linger_over = self.linger_over()?;
        if more_to_come && self.fetched.len() < self.max && Instant::now() < linger_over {
            return None;
        }
        self.applying = true;
        let mut batch: Vec<_> = self.fetched.drain(..self.fetched.len().min(self.max)).collect();
        self.oldest = self.oldest.filter(|_| !self.fetched.is_empty());
        // The order of subjects is the order of locks.
        batch.sort_by(|(a, _), (b, _)| a.refetch.subject.cmp(&b.refetch.subject));
        Some(batch)
    }

    pub(super) const fn applied(&mut self) {
        self.applying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::tests::run;

    const LINGER: Duration = Duration::from_millis(5);

    fn batch(subjects: &[&'static str]) -> Batch<&'static str, ()> {
        let mut batch = Batch::new(&Options { max_apply: 2, apply_linger: LINGER, ..Options::default() });
        subjects.iter().for_each(|subject| batch.push(run(subject), ()));
        batch
    }

    fn subjects(taken: Option<Vec<(Run<&'static str>, ())>>) -> Vec<&'static str> {
        taken.unwrap().iter().map(|(run, ())| run.refetch.subject).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_waits_for_others_only_while_refetches_run() {
        assert!(batch(&["ada"]).take(true).is_none());
        assert_eq!(subjects(batch(&["ada"]).take(false)), ["ada"]);
        let mut lingering = batch(&["ada"]);
        tokio::time::advance(LINGER).await;
        assert_eq!(subjects(lingering.take(true)), ["ada"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_waits_for_nothing_and_is_sorted_by_subject() {
        assert_eq!(subjects(batch(&["bob", "ada"]).take(true)), ["ada", "bob"]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_batch_is_applied_at_a_time_and_the_others_keep_their_age() {
        let mut batch = batch(&["ada", "bob", "cyd"]);
        let came = Instant::now();
        assert_eq!(subjects(batch.take(true)), ["ada", "bob"]);
        assert!(batch.take(false).is_none() && batch.linger_over().is_none());
        tokio::time::advance(LINGER * 3).await;
        batch.applied();
        assert_eq!(batch.linger_over(), Some(came + LINGER));
        assert_eq!(subjects(batch.take(true)), ["cyd"]);
        batch.applied();
        assert!(batch.take(false).is_none(), "nothing is left");
    }
}
