//! Wires the gate to the ledger and to probes.

use std::sync::Arc;
use std::time::Duration;

use sqs_queue::Queue;
use tokio::time::Instant;

use super::upstream_gate::Judgement;
use super::{Loop, Turn};
use crate::breaker::{refresh, verify};
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
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let view = refresh(&parts.handler, &parts.ledger, &parts.options).await;
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
            Judgement::Opened { run, reason, until_probe } => {
                self.notify_fleet(reason, until_probe);
                self.end_run(&run, &Verdict::Outage { retry_after: until_probe });
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

    pub(super) fn take_verified(&mut self, view: Result<BreakerView, LedgerDown>) {
        let (ended, news) = self.gate.verified(view);
        self.report_breaker(news);
        for (run, verdict) in ended {
            self.end_run(&run, &verdict);
        }
    }

    fn notify_fleet(&mut self, reason: &'static str, until_probe: Duration) {
        metrics::breaker_opened(self.parts.handler.upstream(), reason, until_probe);
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let upstream = parts.handler.upstream();
            // A pause that the upstream asks for is not lengthened.
            let limited = reason == "rate_limited";
            let longest = if limited { until_probe } else { parts.options.longest_probe_interval };
            Turn::FleetNotified(parts.ledger.open_breaker(upstream, reason, until_probe, longest).await)
        });
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
