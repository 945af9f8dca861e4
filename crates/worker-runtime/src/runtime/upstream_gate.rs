//! Decides whether work may continue, from the state of the upstream and of our own ledger.
//!
//! In: failed runs, and what the ledger and probes answer. Out: verdicts, and for how long messages are left alone. It starts
//! no task: the loop asks, and passes the answers in.

use std::hash::Hash;
use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;
use tokio::time::Instant;

use super::failed_before::FailedBefore;
use super::our_side::OurSide;
use crate::breaker::{Breaker, LIMITED, REFUSED, Suspicion, Verified, reason};
use crate::disposition::Verdict;
use crate::handler::{Failure, Probed};
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
    Opened { run: Run<S>, opening: Opening },
    Suspended { start_probe: bool },
}

/// A breaker that opens for the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) reason: &'static str,
    pub(super) until_probe: Duration,
}

/// What follows from the answer to a probe.
pub(super) struct Verdicts<S> {
    /// Every run that waited for it.
    pub(super) ended: Vec<(Run<S>, Verdict)>,
    /// The fleet's view, if this process believed otherwise.
    pub(super) news: Option<BreakerView>,
    pub(super) opening: Option<Opening>,
}

pub(super) struct UpstreamGate<S> {
    breaker: Breaker<S>,
    ours: OurSide,
    probe_interval: Duration,
    suspended: Vec<(Run<S>, Failure)>,
    failed_before: FailedBefore<S>,
    /// When the call of the last witness began.
    witnessed_at: Option<Instant>,
    probe_began: Instant,
    refreshing: bool,
    next_refresh: Instant,
    /// Openings on their way to the ledger.
    notifying: usize,
    opened_at: Option<Instant>,
    ledger_down: bool,
}

impl<S: Eq + Hash + Clone> UpstreamGate<S> {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            breaker: Breaker::new(options),
            ours: OurSide::new(options.max_refetches),
            probe_interval: options.probe_interval,
            suspended: Vec::new(),
            failed_before: FailedBefore::default(),
            witnessed_at: None,
            probe_began: Instant::now(),
            refreshing: false,
            next_refresh: Instant::now(),
            notifying: 0,
            opened_at: None,
            // Until the ledger has answered once: the fleet's breaker may be open already.
            ledger_down: true,
        }
    }

    /// For how long messages are left alone, when the upstream or our own side is down.
    pub(super) fn outage(&self) -> Option<Duration> {
        self.breaker.open_for().or_else(|| self.our_outage())
    }

    /// For how long nothing is received because of our own side.
    pub(super) fn our_outage(&self) -> Option<Duration> {
        self.ours.paused_for().or(self.ledger_down.then_some(LEDGER_PAUSE))
    }

    pub(super) fn open_for(&self) -> Option<Duration> {
        self.breaker.open_for()
    }

    pub(super) fn refetch_limit(&self) -> usize {
        if self.ledger_down { 0 } else { self.breaker.refetch_limit().min(self.ours.refetch_limit()) }
    }

    pub(super) fn receive_limit(&self, in_flight: usize) -> usize {
        let limit = self.refetch_limit();
        // A process that tries receives no more than it may try. The others stay in the queue and keep their receive count.
        let trying = self.breaker.is_trying() || self.ours.is_in_doubt();
        if trying { limit.saturating_sub(in_flight) } else { limit }
    }

    /// How long other records go before these, because each of these has failed before.
    pub(super) fn aside<'a>(&mut self, subjects: impl Iterator<Item = &'a S>) -> Option<Duration>
    where
        S: 'a,
    {
        if self.breaker.is_trying() { self.failed_before.aside(subjects, self.witnessed_at) } else { None }
    }

    pub(super) fn upstream_answered(&mut self) {
        self.breaker.succeeded();
    }

    /// A run has ended well.
    pub(super) fn wrote(&mut self, run: &Run<S>) {
        self.ours.wrote();
        self.failed_before.forget(&run.refetch.subject);
        if run.went_through {
            self.witness(run.started_at);
        }
    }

    /// Something went the same way. Only the begin of its call is known to be before the answer: a failure between the two may be
    /// that of an upstream that had answered it and fails by now.
    fn witness(&mut self, began: Instant) {
        self.witnessed_at = self.witnessed_at.max(Some(began));
    }

    /// When the call began of the record that last went the same way, and whether several others fail.
    pub(super) fn witnesses(&self) -> (Option<Instant>, bool) {
        (self.witnessed_at, self.breaker.others_fail())
    }

    pub(super) fn needs_check(&self) -> bool {
        self.ledger_down || self.ours.is_in_doubt()
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
            Failure::Ours { class, detail } => {
                if !self.ours.is_in_doubt() {
                    metrics::our_side_failed(class, &detail);
                }
                let retry_after = self.ours.failed(run.started_at);
                Judgement::Ended(run, Verdict::Outage { retry_after })
            }
            Failure::Limited { retry_after } => {
                let until_probe = retry_after.min(VISIBILITY_LIMIT);
                if self.breaker.limited(until_probe) {
                    self.notifying += 1;
                    Judgement::Opened { run, opening: Opening { reason: LIMITED, until_probe } }
                } else {
                    Judgement::Ended(run, Verdict::Outage { retry_after: until_probe })
                }
            }
            failure => self.suspect(run, failure),
        }
    }

    fn suspect(&mut self, run: Run<S>, failure: Failure) -> Judgement<S> {
        let witnessed = self.witnessed_at.is_some_and(|at| at > run.started_at);
        let is_upstream = matches!(failure, Failure::Upstream { .. });
        // A record that failed while another went the same way tells nothing about the upstream.
        let alone = self.failed_before.is_witnessed(&run.refetch.subject, self.witnessed_at);
        let in_row = !alone && (is_upstream || matches!(failure, Failure::Rejected { .. }));
        let is_open = self.breaker.open_for().is_some();
        if (witnessed || alone || is_open) && !is_upstream {
            // Another record went the same way meanwhile, or the upstream is known to fail: no probe could tell more.
            self.failed_before.remember(&run.refetch.subject);
            return Judgement::Ended(run, Verdict::Failed(failure));
        }
        match self.breaker.failed(&run.refetch.subject, in_row, !witnessed) {
            Suspicion::Known => {
                let retry_after = self.breaker.open_for().unwrap_or(self.probe_interval);
                Judgement::Ended(run, Verdict::Outage { retry_after })
            }
            suspicion => {
                // The upstream may have caused it: nothing is counted before a probe is answered.
                self.suspended.push((run, failure));
                let start_probe = suspicion == Suspicion::Verify;
                if start_probe {
                    self.probe_began = Instant::now();
                }
                Judgement::Suspended { start_probe }
            }
        }
    }

    pub(super) fn notified(&mut self, notified: Result<(), LedgerDown>) {
        self.notifying -= 1;
        // The time of the answer: a refresh that was asked before it may have read the row as it was.
        self.opened_at = Some(Instant::now());
        if let Err(error) = notified {
            self.ledger_failed(&error);
        }
    }

    /// The answer to the probe of a failure.
    pub(super) fn verified(&mut self, verified: Result<Verified, LedgerDown>) -> Verdicts<S> {
        let (mut pause, mut news, mut opening) = (None, None, None);
        match verified {
            Ok(Verified::Answered(probed)) => {
                self.ledger_down = false;
                if probed == Probed::SameWay {
                    self.witness(self.probe_began);
                }
                if let Some(until_probe) = self.breaker.verified(probed) {
                    self.notifying += 1;
                    let reason = self.suspended.last().map_or(REFUSED, |(_, failure)| reason(failure));
                    opening = Some(Opening { reason, until_probe });
                }
            }
            Ok(Verified::Open(view)) => {
                self.breaker.cleared();
                self.opened_at = Some(Instant::now());
                news = self.learn(view);
            }
            Err(error) => {
                self.breaker.cleared();
                self.ledger_failed(&error);
                pause = Some(LEDGER_PAUSE);
            }
        }
        // The breaker may also have opened while this probe was under way.
        let outage = self.breaker.open_for().or(pause);
        let ended = std::mem::take(&mut self.suspended).into_iter().map(|(run, failure)| {
            // Without a witness a recorded failure counts for nothing; it is the beginning of the evidence.
            let verdict = match outage.filter(|_| opening.is_none()) {
                Some(retry_after) => Verdict::Outage { retry_after },
                None => {
                    self.failed_before.remember(&run.refetch.subject);
                    Verdict::Failed(failure)
                }
            };
            (run, verdict)
        });
        Verdicts { ended: ended.collect(), news, opening }
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

    /// A run whose refetch went the way of the work.
    fn through(subject: &'static str) -> Run<&'static str> {
        Run { went_through: true, ..run(subject) }
    }

    fn down() -> LedgerDown {
        LedgerDown(String::from("test"))
    }

    fn upstream() -> Failure {
        let detail = String::from("500");
        Failure::Upstream { class: "upstream", detail, retry_after: None }
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
            (Ok(Verified::Answered(Probed::SameWay)), Verdict::Failed(upstream())),
            (Ok(Verified::Answered(Probed::Answers)), Verdict::Failed(upstream())),
            (Ok(Verified::Open(OPEN)), Verdict::Outage { retry_after: Duration::from_secs(9) }),
            (Err(down()), Verdict::Outage { retry_after: LEDGER_PAUSE }),
        ] {
            let mut gate = gate();
            assert_eq!(gate.judge(run("ada"), upstream()), Judgement::Suspended { start_probe: true });
            assert_eq!(gate.judge(run("bob"), upstream()), Judgement::Suspended { start_probe: false });
            let Verdicts { ended, news, opening: None } = gate.verified(view.clone()) else { panic!() };
            let verdicts: Vec<&Verdict> = ended.iter().map(|(_, verdict)| verdict).collect();
            assert_eq!(verdicts, [&expected, &expected], "{view:?}");
            assert_eq!(news.is_some(), view == Ok(Verified::Open(OPEN)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_breaker_that_opens_while_a_probe_is_under_way_decides_for_its_runs_too() {
        let mut gate = gate();
        gate.judge(run("ada"), upstream());
        assert!(matches!(gate.judge(run("bob"), limited(30)), Judgement::Opened { .. }));
        let ended = gate.verified(Ok(Verified::Answered(Probed::SameWay))).ended;
        assert_eq!(ended[0].1, Verdict::Outage { retry_after: Duration::from_secs(30) });
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_passed_on_to_the_fleet_once() {
        let mut gate = gate();
        let until_probe = Duration::from_secs(30);
        let opening = Opening { reason: LIMITED, until_probe };
        let opened = Judgement::Opened { run: run("ada"), opening };
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

    fn rejected() -> Failure {
        let detail = String::from("400");
        Failure::Rejected { class: "provider_refused", detail, names_record: false }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_probed_unless_another_record_went_the_same_way_meanwhile() {
        let mut gate = gate();
        assert_eq!(gate.judge(run("ada"), rejected()), Judgement::Suspended { start_probe: true });
        gate.verified(Ok(Verified::Answered(Probed::Answers)));
        let begun = run("ada");
        tokio::time::advance(Duration::from_secs(1)).await;
        gate.wrote(&through("bob"));
        let ended = Judgement::Ended(begun.clone(), Verdict::Failed(rejected()));
        assert_eq!(gate.judge(begun.clone(), rejected()), ended);
        assert_eq!(gate.judge(begun, upstream()), Judgement::Suspended { start_probe: true });
        assert_eq!(gate.refetch_limit(), 8, "an outage is asked for, and the others go on");
    }

    /// The upstream may have answered it before it began to refuse.
    #[tokio::test(start_paused = true)]
    async fn a_record_whose_call_began_before_a_failure_is_no_witness_of_it() {
        let mut gate = gate();
        let (early, begun) = (through("bob"), run("ada"));
        tokio::time::advance(Duration::from_secs(1)).await;
        gate.wrote(&early);
        assert_eq!(gate.witnesses().0, Some(early.started_at));
        assert_eq!(gate.judge(begun, rejected()), Judgement::Suspended { start_probe: true });
        tokio::time::advance(Duration::from_secs(1)).await;
        let between = run("cyd");
        gate.verified(Ok(Verified::Answered(Probed::SameWay)));
        assert_eq!(gate.judge(between, rejected()), Judgement::Suspended { start_probe: true });
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_five_records_open_it_as_refused() {
        let mut gate = gate();
        for (number, subject) in ["ada", "bob", "cyd", "dan", "eve"].into_iter().enumerate() {
            assert!(matches!(gate.judge(run(subject), rejected()), Judgement::Suspended { .. }));
            let Verdicts { ended, opening, .. } = gate.verified(Ok(Verified::Answered(Probed::Answers)));
            assert_eq!(opening.map(|opening| opening.reason), (number == 4).then_some(REFUSED), "{subject}");
            assert_eq!(ended[0].1, Verdict::Failed(rejected()), "noted, and without a witness no attempt");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_others_are_tried_a_record_that_failed_before_goes_aside() {
        let mut gate = gate();
        for subject in ["ada", "bob", "cyd"] {
            gate.judge(run(subject), rejected());
            gate.verified(Ok(Verified::Answered(Probed::Answers)));
        }
        assert_eq!(gate.aside([&"ada"].into_iter()), Some(Duration::from_secs(2)));
        assert_eq!(gate.aside([&"ada", &"dan"].into_iter()), None, "one of its records has not failed");
        tokio::time::advance(Duration::from_secs(1)).await;
        gate.wrote(&through("eve"));
        assert_eq!(gate.aside([&"ada"].into_iter()), None, "it has a witness, and may be judged");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_our_own_side_opens_no_breaker_and_has_to_be_disproved() {
        let mut gate = gate();
        let ours = Failure::Ours { class: "database", detail: String::from("25006") };
        let outage = Verdict::Outage { retry_after: Duration::from_secs(1) };
        assert_eq!(gate.judge(run("ada"), ours), Judgement::Ended(run("ada"), outage));
        assert_eq!((gate.open_for(), gate.our_outage()), (None, Some(Duration::from_secs(1))));
        assert_eq!((gate.refetch_limit(), gate.receive_limit(0), gate.needs_check()), (0, 0, true));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((gate.receive_limit(0), gate.receive_limit(1), gate.our_outage()), (1, 0, None));
        (0..3).for_each(|_| gate.wrote(&through("bob")));
        assert_eq!((gate.refetch_limit(), gate.needs_check()), (8, false));
    }
}
