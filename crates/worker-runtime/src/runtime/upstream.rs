//! Wires the gate to the ledger and to probes.

use std::sync::Arc;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::upstream_gate::{Judgement, Opening, Verdicts};
use super::{Loop, Turn};
use crate::breaker::{LIMITED, Verified, refresh, row, verify};
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler};
use crate::intake::Run;
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn refresh_if_due(&mut self) {
        let asked_at = Instant::now();
        if !self.gate.start_refresh(asked_at) {
            return;
        }
        let (parts, check) = (Arc::clone(&self.parts), self.gate.needs_check());
        self.tasks.spawn(async move {
            let view = refresh(&parts.handler, &parts.ledger, &parts.options, check).await;
            Turn::Refreshed { asked_at, view }
        });
    }

    pub(super) fn take_refreshed(&mut self, asked_at: Instant, view: Result<BreakerView, LedgerDown>) {
        let news = self.gate.refreshed(asked_at, view);
        self.report_breaker(news);
    }

    pub(super) fn fail(&mut self, run: Run<H::Subject>, failure: Failure) {
        match self.gate.judge(run, failure) {
            Judgement::Ended(run, verdict) => self.end_run(&run, &verdict),
            Judgement::Opened { run, opening } => {
                self.notify_fleet(opening);
                self.end_run(&run, &Verdict::Outage { retry_after: opening.until_probe });
            }
            Judgement::Suspended { start_probe: false } => {}
            Judgement::Suspended { start_probe: true } => {
                let parts = Arc::clone(&self.parts);
                self.tasks.spawn(async move {
                    Turn::Verified(verify(&parts.handler, &parts.ledger, &parts.options).await)
                });
            }
        }
    }

    pub(super) fn take_verified(&mut self, verified: Result<Verified, LedgerDown>) {
        let Verdicts { ended, news, opening } = self.gate.verified(verified);
        self.report_breaker(news);
        if let Some(opening) = opening {
            self.notify_fleet(opening);
        }
        for (run, verdict) in ended {
            self.end_run(&run, &verdict);
        }
    }

    fn notify_fleet(&mut self, Opening { reason, until_probe }: Opening) {
        metrics::breaker_opened(self.parts.handler.upstream(), reason, until_probe);
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let row = row(&parts.handler, reason);
            // A pause that the upstream asks for is not lengthened.
            let longest = if reason == LIMITED { until_probe } else { parts.options.longest_probe_interval };
            Turn::FleetNotified(parts.ledger.open_breaker(&row, reason, until_probe, longest).await)
        });
    }

    pub(super) fn report_own_outage(&self) {
        let is_down = self.gate.our_outage().is_some();
        metrics::own_outage(is_down);
        self.parts.liveness.set_own_outage(is_down);
    }

    fn report_breaker(&self, news: Option<BreakerView>) {
        let upstream = self.parts.handler.upstream();
        match news {
            Some(BreakerView::Closed) => metrics::breaker_closed(upstream),
            Some(BreakerView::Open { .. }) => metrics::breaker(upstream, true),
            None => {}
        }
    }
}
