//! Decides whether work may continue, from the state of the upstream and of our own ledger.
//!
//! In: failed runs, and what the ledger and probes answer. Out: verdicts, and for how long messages are left alone. It starts
//! no task: the loop asks, and passes the answers in.

use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;
use tokio::time::Instant;

use crate::breaker::{Breaker, Suspicion};
use crate::disposition::Verdict;
use crate::handler::Failure;
use crate::intake::Run;
use crate::ledger::{BreakerView, LedgerDown};
use crate::metrics;
use crate::options::Options;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// How long messages are left alone when our own ledger does not answer.
const LEDGER_PAUSE: Duration = Duration::from_secs(5);

/// `Opened`: the loop opens the breaker for the fleet too. `Suspended`: the gate keeps the run until a probe is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement<S> {
    Ended(Run<S>, Verdict),
    Opened { run: Run<S>, reason: &'static str, until_probe: Duration },
    Suspended { start_probe: bool },
}

pub(super) struct UpstreamGate<S> {
    breaker: Breaker<S>,
    probe_interval: Duration,
    suspended: Vec<(Run<S>, Failure)>,
    refreshing: bool,
    next_refresh: Instant,
    /// Openings on their way to the ledger.
    notifying: usize,
    opened_at: Option<Instant>,
    ledger_down: bool,
}

impl<S: Eq + std::hash::Hash + Clone> UpstreamGate<S> {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            breaker: Breaker::new(options),
            probe_interval: options.probe_interval,
            suspended: Vec::new(),
            refreshing: false,
            next_refresh: Instant::now(),
            notifying: 0,
            opened_at: None,
            // Until the ledger has answered once: the fleet's breaker may be open already.
            ledger_down: true,
        }
    }

    /// For how long messages are left alone, when the upstream or our own ledger is down.
    pub(super) fn outage(&self) -> Option<Duration> {
        self.breaker.open_for().or(self.ledger_down.then_some(LEDGER_PAUSE))
    }

    pub(super) fn open_for(&self) -> Option<Duration> {
        self.breaker.open_for()
    }

    pub(super) fn refetch_limit(&self) -> usize {
        if self.ledger_down { 0 } else { self.breaker.refetch_limit() }
    }

    pub(super) fn receive_limit(&self, in_flight: usize) -> usize {
        let limit = self.refetch_limit();
        // A recovering process receives no more than it may try. The others stay in the queue and keep their receive count.
        if self.breaker.is_recovering() { limit.saturating_sub(in_flight) } else { limit }
    }

    pub(super) fn upstream_answered(&mut self) {
        self.breaker.succeeded();
    }

    /// Whether the shared breaker has to be read now. The caller reads it, and passes the answer to [`Self::refreshed`].
    pub(super) fn start_refresh(&mut self, now: Instant) -> bool {
        if self.refreshing || now < self.next_refresh {
            return false;
        }
        self.refreshing = true;
        self.next_refresh = now + REFRESH_INTERVAL;
        true
    }

    /// Returns the fleet's view if this process believed otherwise.
    pub(super) fn refreshed(
        &mut self,
        asked_at: Instant,
        view: Result<BreakerView, LedgerDown>,
    ) -> Option<BreakerView> {
        self.refreshing = false;
        let view = view.map_err(|error| self.ledger_failed(&error)).ok()?;
        self.ledger_down = false;
        // A ledger that was asked before the breaker opened here does not know of the opening.
        let outdated = self.notifying > 0 || self.opened_at.is_some_and(|opened_at| asked_at <= opened_at);
        if view == BreakerView::Closed && outdated { None } else { self.learn(view) }
    }

    pub(super) fn judge(&mut self, run: Run<S>, failure: Failure) -> Judgement<S> {
        match failure {
            Failure::Limited { retry_after } => {
                let retry_after = retry_after.min(VISIBILITY_LIMIT);
                if self.breaker.limited(retry_after) {
                    self.opens(run, "rate_limited", retry_after)
                } else {
                    Judgement::Ended(run, Verdict::Outage { retry_after })
                }
            }
            failure @ Failure::Upstream { .. } => self.suspect(run, failure),
            failure => Judgement::Ended(run, Verdict::Failed(failure)),
        }
    }

    fn suspect(&mut self, run: Run<S>, failure: Failure) -> Judgement<S> {
        let suspicion = self.breaker.failed(&run.refetch.subject);
        match suspicion {
            Suspicion::Verify | Suspicion::Wait => {
                // The upstream may have caused it: nothing is counted before a probe is answered.
                self.suspended.push((run, failure));
                Judgement::Suspended { start_probe: suspicion == Suspicion::Verify }
            }
            Suspicion::Known => {
                let retry_after = self.breaker.open_for().unwrap_or(self.probe_interval);
                Judgement::Ended(run, Verdict::Outage { retry_after })
            }
            Suspicion::Open { until_probe } => self.opens(run, failure.class(), until_probe),
        }
    }

    const fn opens(&mut self, run: Run<S>, reason: &'static str, until_probe: Duration) -> Judgement<S> {
        self.notifying += 1;
        Judgement::Opened { run, reason, until_probe }
    }

    pub(super) fn notified(&mut self, notified: Result<(), LedgerDown>) {
        self.notifying -= 1;
        // The time of the answer: a refresh that was asked before it may have read the row as it was.
        self.opened_at = Some(Instant::now());
        if let Err(error) = notified {
            self.ledger_failed(&error);
        }
    }

    /// Returns the verdict of every run that waited for the probe, and the fleet's view if this process believed otherwise.
    pub(super) fn verified(
        &mut self,
        view: Result<BreakerView, LedgerDown>,
    ) -> (Vec<(Run<S>, Verdict)>, Option<BreakerView>) {
        self.breaker.cleared();
        let (mut pause, mut news) = (None, None);
        match view {
            Ok(BreakerView::Closed) => self.ledger_down = false,
            Ok(view @ BreakerView::Open { .. }) => {
                self.opened_at = Some(Instant::now());
                news = self.learn(view);
            }
            Err(error) => {
                self.ledger_failed(&error);
                pause = Some(LEDGER_PAUSE);
            }
        }
        // The breaker may also have opened while this probe was under way.
        let outage = self.breaker.open_for().or(pause);
        let ended = std::mem::take(&mut self.suspended).into_iter().map(|(run, failure)| {
            let verdict =
                outage.map_or(Verdict::Failed(failure), |retry_after| Verdict::Outage { retry_after });
            (run, verdict)
        });
        (ended.collect(), news)
    }

    pub(super) const fn ledger_was_down(&mut self) {
        // The next refresh finds out when it answers again.
        self.ledger_down = true;
    }

    fn learn(&mut self, view: BreakerView) -> Option<BreakerView> {
        self.breaker.learn(view).then_some(view)
    }

    fn ledger_failed(&mut self, error: &LedgerDown) {
        if !self.ledger_down {
            metrics::ledger_down(error);
        }
        self.ledger_down = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::tests::run;

    const OPEN: BreakerView = BreakerView::Open { until_probe: Duration::from_secs(9) };

    /// A gate whose ledger has answered.
    fn gate() -> UpstreamGate<&'static str> {
        let mut gate = UpstreamGate::new(&Options { max_refetches: 8, ..Options::default() });
        assert!(gate.start_refresh(Instant::now()));
        assert_eq!(gate.refreshed(Instant::now(), Ok(BreakerView::Closed)), None);
        gate
    }

    fn down() -> LedgerDown {
        LedgerDown(String::from("test"))
    }

    fn upstream() -> Failure {
        let detail = String::from("500");
        Failure::Upstream { class: "upstream", detail, retry_after: None, permanent_if_healthy: false }
    }

    const fn limited(secs: u64) -> Failure {
        Failure::Limited { retry_after: Duration::from_secs(secs) }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_starts_until_the_ledger_has_answered() {
        let mut gate = UpstreamGate::<&str>::new(&Options::default());
        assert_eq!((gate.outage(), gate.refetch_limit(), gate.receive_limit(0)), (Some(LEDGER_PAUSE), 0, 0));
        gate.refreshed(Instant::now(), Err(down()));
        assert_eq!(gate.outage(), Some(LEDGER_PAUSE));
        gate.refreshed(Instant::now(), Ok(BreakerView::Closed));
        assert_eq!((gate.outage(), gate.refetch_limit()), (None, Options::default().max_refetches));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_ledger_is_reported_once_and_not_at_every_refresh() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let mut gate = gate();
        // (what a refresh brings) → outages that were reported
        let table = [(Err(down()), 1), (Err(down()), 1), (Ok(BreakerView::Closed), 1), (Err(down()), 2)];
        for (view, expected) in table {
            ::metrics::with_local_recorder(&recorder, || gate.refreshed(Instant::now(), view));
            let text = recorder.handle().render();
            assert!(text.contains(&format!("coppice_ledger_failures_total {expected}")), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_is_read_once_a_second_and_never_twice_at_once() {
        let mut gate = gate();
        assert!(!gate.start_refresh(Instant::now()));
        tokio::time::advance(REFRESH_INTERVAL).await;
        assert!(gate.start_refresh(Instant::now()));
        tokio::time::advance(REFRESH_INTERVAL).await;
        assert!(!gate.start_refresh(Instant::now()), "the first has not been answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_run_ends_as_its_probe_says() {
        for (view, expected) in [
            (Ok(BreakerView::Closed), Verdict::Failed(upstream())),
            (Ok(OPEN), Verdict::Outage { retry_after: Duration::from_secs(9) }),
            (Err(down()), Verdict::Outage { retry_after: LEDGER_PAUSE }),
        ] {
            let mut gate = gate();
            assert_eq!(gate.judge(run("ada"), upstream()), Judgement::Suspended { start_probe: true });
            assert_eq!(gate.judge(run("bob"), upstream()), Judgement::Suspended { start_probe: false });
            let (ended, news) = gate.verified(view.clone());
            let verdicts: Vec<&Verdict> = ended.iter().map(|(_, verdict)| verdict).collect();
            assert_eq!(verdicts, [&expected, &expected], "{view:?}");
            assert_eq!(news.is_some(), view == Ok(OPEN));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_breaker_that_opens_while_a_probe_is_under_way_decides_for_its_runs_too() {
        let mut gate = gate();
        gate.judge(run("ada"), upstream());
        assert!(matches!(gate.judge(run("bob"), limited(30)), Judgement::Opened { .. }));
        let (ended, _) = gate.verified(Ok(BreakerView::Closed));
        assert_eq!(ended[0].1, Verdict::Outage { retry_after: Duration::from_secs(30) });
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_passed_on_to_the_fleet_once() {
        let mut gate = gate();
        let until_probe = Duration::from_secs(30);
        let opened = Judgement::Opened { run: run("ada"), reason: "rate_limited", until_probe };
        assert_eq!(gate.judge(run("ada"), limited(30)), opened);
        let outage = Verdict::Outage { retry_after: until_probe };
        assert_eq!(gate.judge(run("bob"), limited(30)), Judgement::Ended(run("bob"), outage));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_from_before_the_opening_does_not_close_the_breaker() {
        let mut gate = gate();
        let asked_before = Instant::now();
        gate.judge(run("ada"), limited(30));
        assert_eq!(
            gate.refreshed(asked_before, Ok(BreakerView::Closed)),
            None,
            "the fleet is being notified"
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        gate.notified(Ok(()));
        assert_eq!(gate.refreshed(asked_before, Ok(BreakerView::Closed)), None);
        assert!(gate.open_for().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(gate.refreshed(Instant::now(), Ok(BreakerView::Closed)), Some(BreakerView::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovering_process_receives_no_more_than_it_may_try() {
        let mut gate = gate();
        gate.refreshed(Instant::now(), Ok(OPEN));
        gate.refreshed(Instant::now(), Ok(BreakerView::Closed));
        assert_eq!((gate.receive_limit(0), gate.receive_limit(1)), (1, 0));
        gate.upstream_answered();
        assert_eq!(gate.receive_limit(1), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_is_not_the_upstream_s_ends_the_run_at_once() {
        let failure = Failure::Permanent { class: "invalid", detail: String::from("400") };
        let ended = Judgement::Ended(run("ada"), Verdict::Failed(failure.clone()));
        assert_eq!(gate().judge(run("ada"), failure), ended);
    }
}
