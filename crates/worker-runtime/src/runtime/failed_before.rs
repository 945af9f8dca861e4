//! The records that failed in this process, so that others are tried first.
//!
//! In: which subject failed and when, and when a record last went the same way. Out: whether that is a witness against a
//! subject, and how long others go first. It knows no breaker.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Most subjects that are remembered. Those beyond are tried like any other.
const REMEMBERED: usize = 10_000;

const FIRST_ASIDE: Duration = Duration::from_secs(2);

const LONGEST_ASIDE: Duration = Duration::from_secs(900);

struct Before {
    at: Instant,
    /// How many times others went first.
    aside: u32,
}

pub(super) struct FailedBefore<S>(HashMap<S, Before>);

impl<S> Default for FailedBefore<S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<S: Eq + Hash + Clone> FailedBefore<S> {
    pub(super) fn remember(&mut self, subject: &S) {
        let at = Instant::now();
        let is_full = self.0.len() >= REMEMBERED;
        match self.0.get_mut(subject) {
            Some(before) => before.at = at,
            None if is_full => {}
            None => {
                self.0.insert(subject.clone(), Before { at, aside: 0 });
            }
        }
    }

    pub(super) fn forget(&mut self, subject: &S) {
        self.0.remove(subject);
    }

    /// Whether a record went the same way after this one had failed.
    pub(super) fn is_witnessed(&self, subject: &S, witnessed_at: Option<Instant>) -> bool {
        let failed_at = self.0.get(subject).map(|before| before.at);
        failed_at.is_some_and(|failed_at| witnessed_at.is_some_and(|at| at > failed_at))
    }

    /// How long others go before these. `None`: one of these has not failed, or may be judged because it has a witness.
    pub(super) fn aside<'a>(
        &mut self,
        mut subjects: impl Iterator<Item = &'a S>,
        witnessed_at: Option<Instant>,
    ) -> Option<Duration>
    where
        S: 'a,
    {
        let times = subjects.try_fold(0, |most: u32, subject| {
            if self.is_witnessed(subject, witnessed_at) {
                return None;
            }
            let before = self.0.get_mut(subject)?;
            before.aside = before.aside.saturating_add(1);
            Some(most.max(before.aside))
        })?;
        Some(FIRST_ASIDE.saturating_mul(1 << times.min(20).saturating_sub(1)).min(LONGEST_ASIDE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_subject_that_failed_before_waits_longer_each_time_until_it_has_a_witness() {
        let mut failed = FailedBefore::default();
        failed.remember(&"ada");
        let mut aside = |subjects: &[&'static str], witnessed_at| {
            failed.aside(subjects.iter(), witnessed_at).map(|wait| wait.as_secs())
        };
        let waits: Vec<_> = (0..12).filter_map(|_| aside(&["ada"], None)).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(aside(&["ada", "dan"], None), None, "one of them has not failed");
        assert_eq!(aside(&["ada"], Some(Instant::now())), Some(900), "a witness comes after the failure");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(aside(&["ada"], Some(Instant::now())), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_has_a_limit_and_ends_with_a_success() {
        let mut failed = FailedBefore::default();
        (0..=REMEMBERED).for_each(|subject| failed.remember(&subject));
        assert_eq!(failed.aside([&REMEMBERED].into_iter(), None), None);
        failed.forget(&0);
        assert_eq!(failed.aside([&0].into_iter(), None), None);
        failed.remember(&REMEMBERED);
        assert_eq!(failed.aside([&REMEMBERED].into_iter(), None), Some(FIRST_ASIDE));
    }
}
