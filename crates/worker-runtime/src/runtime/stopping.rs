//! The end of a run: all done, or told to stop and drained, or drained for too long.

use std::time::Duration;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::{Loop, Report, RuntimeError};
use crate::disposition::Verdict;
use crate::handler::Handler;
use crate::ledger::Ledger;
use crate::options::Mode;

/// Time kept at the end of a drain for giving back what is unfinished.
const RELEASE_TIME: Duration = Duration::from_secs(3);

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn is_finished(&self) -> bool {
        let empty = self.mode == Mode::UntilEmpty && self.receiving.found_empty();
        self.is_idle() && (self.drain_until.is_some() || empty)
    }

    pub(super) fn begin_drain(&mut self) {
        tracing::info!(
            held = self.intake.len(),
            "stopping: nothing more is received, and what is held is finished"
        );
        let limit = self.parts.options.drain_limit.saturating_sub(RELEASE_TIME);
        self.drain_until = Some(Instant::now() + limit);
    }

    /// The drain limit is over: gives back what is still unfinished. What is being settled already may go on.
    pub(super) async fn give_up(mut self) -> Result<Report, RuntimeError> {
        self.tasks.abort_all();
        let unfinished = self.intake.end_all(&Verdict::Released);
        self.ended.extend(unfinished);
        let count = self.ended.len();
        tracing::warn!(messages = count, "drain limit reached: giving back what is unfinished");
        let all = async {
            while !(self.ended.is_empty() && self.settling.is_empty()) {
                self.start_settling();
                match self.settling.join_next().await {
                    Some(Ok(settled)) => self.take_settled(settled),
                    Some(Err(_panic)) => self.broken = true,
                    // A lane that is busy and has no task had one that panicked.
                    None => self.busy_lanes.clear(),
                }
            }
        };
        match tokio::time::timeout(RELEASE_TIME, all).await {
            Ok(()) => self.end(),
            Err(_elapsed) => Err(RuntimeError::Undrained(count)),
        }
    }

    pub(super) fn end(self) -> Result<Report, RuntimeError> {
        if self.broken { Err(RuntimeError::Broken) } else { Ok(self.report) }
    }
}
