//! From the end of a subject's work to the end of its messages.

use std::sync::Arc;

use sqs_queue::Queue;

use super::{Loop, Parts};
use crate::disposition::Verdict;
use crate::handler::Handler;
use crate::intake::Run;
use crate::ledger::Ledger;
use crate::settle::{Settled, settle};

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn end_run(&mut self, run: &Run<H::Subject>, verdict: &Verdict) {
        self.settling.extend(self.intake.finish(&run.refetch.subject, run.id, verdict));
    }

    pub(super) fn start_settling(&mut self) {
        let (parts, witnesses) = (&self.parts, self.gate.witnesses());
        self.settling.start(|lane, ended| {
            let parts = Arc::clone(parts);
            async move {
                let Parts { queue, dead_letters, ledger, options, .. } = &*parts;
                settle::<H, Q, _>(queue, dead_letters, ledger, options, witnesses, lane, ended).await
            }
        });
    }

    pub(super) fn take_settled(&mut self, settled: Settled) {
        if settled.ledger_down {
            self.gate.ledger_was_down();
        }
        self.report.dead_lettered += settled.dead_lettered;
        for (label, count) in settled.outcomes {
            *self.report.outcomes.entry(label).or_default() += count;
        }
    }
}
