//! Messages whose work has ended, until they are settled.
//!
//! Each lane settles one group of messages at a time, and the lanes do not wait for each other.

use std::collections::HashSet;

use tokio::task::{JoinError, JoinSet};

use crate::disposition::Verdict;
use crate::intake::InFlight;
use crate::settle::{Lane, Settled};

#[derive(Default)]
pub(super) struct Settling {
    ended: Vec<(InFlight, Verdict)>,
    busy: HashSet<Lane>,
    /// At most one task a lane. Apart from the loop's other tasks: the end of a drain aborts those, and not these.
    tasks: JoinSet<Settled>,
}

impl Settling {
    pub(super) fn push(&mut self, message: InFlight, verdict: Verdict) {
        self.ended.push((message, verdict));
    }

    pub(super) fn extend(&mut self, ended: Vec<(InFlight, Verdict)>) {
        self.ended.extend(ended);
    }

    fn take_group(&mut self) -> Option<(Lane, Vec<(InFlight, Verdict)>)> {
        let has_messages = |lane| self.ended.iter().any(|(_, verdict)| Lane::of(verdict) == lane);
        let lanes = [Lane::Uncounted, Lane::Counted].into_iter();
        let lane = lanes.filter(|lane| !self.busy.contains(lane)).find(|lane| has_messages(*lane))?;
        self.busy.insert(lane);
        Some((lane, self.ended.extract_if(.., |(_, verdict)| Lane::of(verdict) == lane).collect()))
    }

    pub(super) fn start<F>(&mut self, settle: impl Fn(Lane, Vec<(InFlight, Verdict)>) -> F)
    where
        F: Future<Output = Settled> + Send + 'static,
    {
        while let Some((lane, group)) = self.take_group() {
            self.tasks.spawn(settle(lane, group));
        }
    }

    /// `None` when no lane is busy with a task.
    pub(super) async fn next(&mut self) -> Option<Result<Settled, JoinError>> {
        let settled = self.tasks.join_next().await;
        if let Some(Ok(settled)) = &settled {
            self.busy.remove(&settled.lane);
        }
        settled
    }

    pub(super) fn free_lanes(&mut self) {
        // A lane that is busy without a task had one that panicked.
        self.busy.clear();
    }

    pub(super) fn waiting(&self) -> usize {
        self.ended.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.ended.is_empty() && self.tasks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Failure, Outcome};
    use crate::intake::tests::in_flight;

    const DONE: Verdict = Verdict::Done(Outcome::Applied);

    fn failed() -> Verdict {
        Verdict::Failed(Failure::Rejected { class: "invalid", detail: String::new(), names_record: false })
    }

    #[tokio::test]
    async fn each_lane_takes_its_own_messages_and_one_group_at_a_time() {
        let mut settling = Settling::default();
        settling.extend(vec![(in_flight("1"), DONE), (in_flight("2"), failed()), (in_flight("3"), DONE)]);
        assert_eq!(settling.waiting(), 3);
        let (lane, group) = settling.take_group().unwrap();
        assert_eq!((lane, group.len()), (Lane::Uncounted, 2));
        settling.push(in_flight("4"), DONE);
        let (lane, group) = settling.take_group().unwrap();
        assert_eq!((lane, group.len()), (Lane::Counted, 1));
        assert!(settling.take_group().is_none(), "both lanes are busy");
        assert_eq!(settling.waiting(), 1);
    }

    #[tokio::test]
    async fn a_lane_is_free_when_its_group_is_settled() {
        let mut settling = Settling::default();
        settling.push(in_flight("1"), failed());
        settling.start(|lane, _| async move { Settled { lane, ..Settled::default() } });
        settling.push(in_flight("2"), failed());
        assert!(settling.take_group().is_none() && !settling.is_idle());
        assert_eq!(settling.next().await.unwrap().unwrap().lane, Lane::Counted);
        assert!(settling.take_group().is_some());
    }

    #[tokio::test]
    async fn the_lane_of_a_task_that_panicked_stays_busy_until_it_is_freed() {
        let mut settling = Settling::default();
        settling.push(in_flight("1"), failed());
        settling.start(|_, _| async { panic!("as the test wants") });
        settling.push(in_flight("2"), failed());
        assert!(settling.next().await.unwrap().is_err());
        assert!(settling.next().await.is_none() && settling.take_group().is_none());
        settling.free_lanes();
        assert!(settling.take_group().is_some());
    }
}
