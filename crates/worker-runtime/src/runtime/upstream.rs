//! Who is to blame for a failure, and what follows when it is the upstream or our own ledger.

use std::sync::Arc;
use std::time::Duration;

use sqs_queue::{Queue, VISIBILITY_LIMIT};
use tokio::time::Instant;

use super::{Loop, Turn};
use crate::breaker::{Suspicion, refresh, verify};
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler};
use crate::intake::Run;
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;

/// How often the shared breaker is read.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// How long messages stay away when our own ledger cannot be asked.
const LEDGER_PAUSE: Duration = Duration::from_secs(5);

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    /// How long to leave messages alone, when the upstream or our own ledger is down.
    pub(super) fn outage(&self) -> Option<Duration> {
        let ledger = self.ledger_down.then_some(LEDGER_PAUSE);
        self.breaker.open_for().or(ledger)
    }

    pub(super) fn refresh_if_due(&mut self) {
        let now = Instant::now();
        if self.refreshing || now < self.next_refresh {
            return;
        }
        self.refreshing = true;
        self.next_refresh = now + REFRESH_INTERVAL;
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let view = refresh(&parts.handler, &parts.ledger, &parts.options).await;
            Turn::Refreshed { asked_at: now, view }
        });
    }

    /// A step failed. Where the upstream may be to blame, it is asked before anybody counts.
    pub(super) fn fail(&mut self, run: Run<H::Subject>, failure: Failure) {
        match failure {
            Failure::Limited { retry_after } => {
                let retry_after = retry_after.min(VISIBILITY_LIMIT);
                if self.breaker.limited(retry_after) {
                    self.notify_fleet("rate_limited", retry_after);
                }
                self.end_run(&run, &Verdict::Outage { retry_after });
            }
            failure @ Failure::Upstream { .. } => self.suspect(run, failure),
            failure => self.end_run(&run, &Verdict::Failed(failure)),
        }
    }

    fn suspect(&mut self, run: Run<H::Subject>, failure: Failure) {
        match self.breaker.failed(&run.refetch.subject) {
            Suspicion::Verify => {
                self.suspended.push((run, failure));
                let parts = Arc::clone(&self.parts);
                self.tasks.spawn(async move {
                    Turn::Verified(verify(&parts.handler, &parts.ledger, &parts.options).await)
                });
            }
            Suspicion::Wait => self.suspended.push((run, failure)),
            Suspicion::Known => {
                let retry_after = self.breaker.open_for().unwrap_or(self.parts.options.probe_interval);
                self.end_run(&run, &Verdict::Outage { retry_after });
            }
            Suspicion::Open { until_probe } => {
                self.notify_fleet(failure.class(), until_probe);
                self.end_run(&run, &Verdict::Outage { retry_after: until_probe });
            }
        }
    }

    fn notify_fleet(&mut self, reason: &'static str, until_probe: Duration) {
        metrics::breaker_opened(self.parts.handler.upstream(), reason, until_probe);
        let parts = Arc::clone(&self.parts);
        self.notifying += 1;
        self.tasks.spawn(async move {
            Turn::FleetNotified(
                parts.ledger.open_breaker(parts.handler.upstream(), reason, until_probe).await,
            )
        });
    }

    pub(super) fn take_notified(&mut self, notified: Result<(), LedgerDown>) {
        self.notifying -= 1;
        self.opened_at = Some(Instant::now());
        if let Err(error) = notified {
            self.ledger_failed(&error);
        }
    }

    pub(super) fn take_refreshed(&mut self, asked_at: Instant, view: Result<BreakerView, LedgerDown>) {
        self.refreshing = false;
        let view = match view {
            Ok(view) => view,
            Err(error) => return self.ledger_failed(&error),
        };
        self.ledger_down = false;
        // A ledger that was asked before the breaker opened says nothing of that.
        let outdated = self.notifying > 0 || self.opened_at.is_some_and(|opened_at| asked_at <= opened_at);
        if view != BreakerView::Closed || !outdated {
            self.learn(view);
        }
    }

    pub(super) fn take_verified(&mut self, view: Result<BreakerView, LedgerDown>) {
        self.breaker.cleared();
        let mut retry_after = None;
        match view {
            Ok(BreakerView::Closed) => self.ledger_down = false,
            Ok(view @ BreakerView::Open { .. }) => {
                self.opened_at = Some(Instant::now());
                self.learn(view);
            }
            Err(error) => {
                self.ledger_failed(&error);
                retry_after = Some(LEDGER_PAUSE);
            }
        }
        // It may also have opened while this probe was answered.
        let retry_after = self.breaker.open_for().or(retry_after);
        for (run, failure) in std::mem::take(&mut self.suspended) {
            let verdict = match retry_after {
                Some(retry_after) => Verdict::Outage { retry_after },
                None => Verdict::Failed(failure),
            };
            self.end_run(&run, &verdict);
        }
    }

    fn learn(&mut self, view: BreakerView) {
        let upstream = self.parts.handler.upstream();
        if self.breaker.learn(view) {
            match view {
                BreakerView::Closed => metrics::breaker_closed(upstream),
                BreakerView::Open { .. } => metrics::breaker(upstream, true),
            }
        }
    }

    fn ledger_failed(&mut self, error: &LedgerDown) {
        if !self.ledger_down {
            metrics::ledger_down(error);
        }
        self.ledger_down = true;
    }
}
