//! Whether our own side works: the database and the way to it.
//!
//! In: failures that are ours, and work that was written. Out: how many refetches may run. After a failure none, for a pause
//! that doubles with each failure; then one, as a trial; each one that is written doubles the limit.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) struct OurSide {
    max_refetches: usize,
    failed_at: Instant,
    /// `None`: it works.
    trial: Option<Trial>,
}

struct Trial {
    pause: Duration,
    limit: usize,
}

impl OurSide {
    pub(super) fn new(max_refetches: usize) -> Self {
        Self { max_refetches, failed_at: Instant::now(), trial: None }
    }

    /// `began_at`: when the work that failed began. Returns how long to leave messages alone.
    pub(super) fn failed(&mut self, began_at: Instant) -> Duration {
        let now = Instant::now();
        // What began before an earlier failure tells nothing new.
        let trial = match &self.trial {
            Some(trial) if began_at < self.failed_at => Trial { limit: 1, ..*trial },
            trial => {
                self.failed_at = now;
                let pause = trial.as_ref().map_or(FIRST_PAUSE, |trial| trial.pause * 2);
                Trial { pause: pause.min(LONGEST_PAUSE), limit: 1 }
            }
        };
        let left = (self.failed_at + trial.pause).saturating_duration_since(now);
        self.trial = Some(trial);
        left.max(FIRST_PAUSE)
    }

    pub(super) fn wrote(&mut self) {
        self.trial = self.trial.take().and_then(|trial| {
            let limit = trial.limit * 2;
            (limit < self.max_refetches).then_some(Trial { limit, ..trial })
        });
    }

    /// For how long nothing is received.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        let until = self.failed_at + self.trial.as_ref()?.pause;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    pub(super) const fn is_in_doubt(&self) -> bool {
        self.trial.is_some()
    }

    pub(super) fn refetch_limit(&self) -> usize {
        match &self.trial {
            Some(_) if self.paused_for().is_some() => 0,
            Some(trial) => trial.limit,
            None => self.max_refetches,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[tokio::test(start_paused = true)]
    async fn each_failed_trial_doubles_the_pause_up_to_a_minute() {
        let mut ours = OurSide::new(8);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(ours.failed(Instant::now()).as_secs());
            assert_eq!(ours.refetch_limit(), 0);
            tokio::time::advance(ours.paused_for().unwrap()).await;
            assert_eq!((ours.refetch_limit(), ours.paused_for()), (1, None));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_began_before_a_failure_does_not_prolong_its_pause() {
        let mut ours = OurSide::new(8);
        let began_at = Instant::now();
        tokio::time::advance(secs(3)).await;
        assert_eq!(ours.failed(Instant::now()), secs(1));
        assert_eq!(ours.failed(began_at), secs(1));
        assert_eq!(ours.paused_for(), Some(secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_ends_the_doubt_step_by_step() {
        let mut ours = OurSide::new(8);
        ours.failed(Instant::now());
        tokio::time::advance(secs(1)).await;
        let mut limits = Vec::new();
        while ours.is_in_doubt() {
            limits.push(ours.refetch_limit());
            ours.wrote();
        }
        assert_eq!((limits, ours.refetch_limit()), (vec![1, 2, 4], 8));
        assert_eq!(ours.failed(Instant::now()), secs(1), "the next failure starts again");
    }
}
