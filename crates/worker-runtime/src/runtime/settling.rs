//! From the end of a subject's work to the end of its messages.

use std::sync::Arc;

use sqs_queue::Queue;

use super::{Loop, Parts};
use crate::disposition::Verdict;
use crate::handler::Handler;
use crate::intake::Run;
use crate::ledger::Ledger;
use crate::settle::{Lane, Settled, settle};

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn end_run(&mut self, run: &Run<H::Subject>, verdict: &Verdict) {
        let ended = self.intake.finish(&run.refetch.subject, run.id, verdict);
        self.ended.extend(ended);
    }

    pub(super) fn start_settling(&mut self) {
        for lane in [Lane::Uncounted, Lane::Counted] {
            if self.busy_lanes.contains(&lane) {
                continue;
            }
            let ended: Vec<_> = self.ended.extract_if(.., |(_, verdict)| Lane::of(verdict) == lane).collect();
            if ended.is_empty() {
                continue;
            }
            self.busy_lanes.insert(lane);
            let parts = Arc::clone(&self.parts);
            self.settling.spawn(async move {
                let Parts { queue, dead_letters, ledger, options, .. } = &*parts;
                settle::<H, Q, _>(queue, dead_letters, ledger, options, lane, ended).await
            });
        }
    }

    pub(super) fn take_settled(&mut self, settled: Settled) {
        self.busy_lanes.remove(&settled.lane);
        self.ledger_down |= settled.ledger_down;
        self.report.dead_lettered += settled.dead_lettered;
        for (label, count) in settled.outcomes {
            *self.report.outcomes.entry(label).or_default() += count;
        }
    }
}
