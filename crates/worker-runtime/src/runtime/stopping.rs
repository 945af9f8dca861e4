//! The end of a run: all is done, or a stop has drained it, or the drain took too long.

use std::time::Duration;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::{Loop, Report, RuntimeError};
use crate::disposition::Verdict;
use crate::handler::Handler;
use crate::ledger::Ledger;
use crate::options::Mode;

/// The last part of the drain limit, kept for releasing unfinished messages.
const RELEASE_TIME: Duration = Duration::from_secs(3);

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn is_finished(&self) -> bool {
        let empty = self.mode == Mode::UntilEmpty && self.receiving.found_empty();
        self.is_idle() && (self.drain_until.is_some() || empty)
    }

    pub(super) fn begin_drain(&mut self) {
        tracing::info!(
            in_flight = self.intake.len(),
            "stopping: the loop receives no more messages and finishes those in flight"
        );
        let limit = self.parts.options.drain_limit.saturating_sub(RELEASE_TIME);
        self.drain_until = Some(Instant::now() + limit);
    }

    pub(super) async fn give_up(mut self) -> Result<Report, RuntimeError> {
        // The loop's tasks only: what is being settled already may end.
        self.tasks.abort_all();
        self.settling.extend(self.intake.end_all(&Verdict::Released));
        let count = self.settling.waiting();
        tracing::warn!(messages = count, "drain limit reached: releasing unfinished messages");
        let all = async {
            while !self.settling.is_idle() {
                self.start_settling();
                match self.settling.next().await {
                    Some(Ok(settled)) => self.take_settled(settled),
                    Some(Err(_panic)) => self.broken = true,
                    None => self.settling.free_lanes(),
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
