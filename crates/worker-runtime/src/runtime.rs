//! The loop: one task that owns all state, and a set of tasks that do the waiting.
//!
//! Every wait (receive, refetch, apply, settle, heartbeat, breaker) is a task whose end is a [`Turn`]. The loop takes
//! turns one after the other, so that there is no lock and no shared counter.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, Depth, Queue, QueueError, ReceivedMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::breaker::{Breaker, Suspicion, tend, verify};
use crate::catch::{guarded, panicked};
use crate::disposition::Verdict;
use crate::handler::{Claim, Failure, Handler, Outcome, Refusal};
use crate::heartbeat::{Beat, Beaten, beat};
use crate::intake::{Held, Intake, Key, Run};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;
use crate::options::{Mode, Options};
use crate::pulse::Pulse;
use crate::settle::{Settled, settle};

/// How often the loop looks around when nothing happens: heartbeats, breaker, liveness.
const TICK: Duration = Duration::from_millis(250);

/// How often the shared breaker is read.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// Receives at once while every one of them comes back full.
const MAX_RECEIVES: usize = 4;

/// Longest wait after failed receives.
const LONGEST_RECEIVE_PAUSE: Duration = Duration::from_secs(10);

/// How long messages stay away when our own ledger cannot be asked.
const LEDGER_PAUSE: Duration = Duration::from_secs(5);

/// Time kept at the end of a drain for giving back what is unfinished.
const GIVE_BACK_TIME: Duration = Duration::from_secs(3);

/// What a run did, by the end of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages by outcome label: `applied`, `unchanged`, `gone`, `ignored`, `failed`, `refused`, `outage`, …
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Messages sent to the dead letters.
    pub dead_lettered: u64,
}

/// Why a run could not end well.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuntimeError {
    /// Work was still unfinished at the end of the drain; its messages come back by their visibility timeout.
    #[error("stopped with {0} message(s) neither finished nor given back")]
    Undrained(usize),
}

/// A handler at work on a queue.
pub struct Runtime<H, Q, L> {
    parts: Arc<Parts<H, Q, L>>,
}

struct Parts<H, Q, L> {
    handler: H,
    queue: Q,
    dead_letters: Q,
    ledger: L,
    options: Options,
    pulse: Pulse,
}

impl<H: Handler, Q: Queue, L: Ledger> Runtime<H, Q, L> {
    /// Puts the parts together. Nothing happens yet.
    pub fn new(handler: H, queue: Q, dead_letters: Q, ledger: L, options: Options, pulse: Pulse) -> Self {
        Self { parts: Arc::new(Parts { handler, queue, dead_letters, ledger, options, pulse }) }
    }

    /// Runs until `stop` is cancelled or, in [`Mode::UntilEmpty`], until the queue is empty.
    ///
    /// # Errors
    /// [`RuntimeError::Undrained`], when the drain limit was too short.
    pub async fn run(self, mode: Mode, stop: CancellationToken) -> Result<Report, RuntimeError> {
        Loop::new(self.parts, mode).run(stop).await
    }
}

/// The end of something that was waited for.
enum Turn<H: Handler> {
    Received(OwnedSemaphorePermit, Result<Vec<ReceivedMessage>, QueueError>),
    Prepared(Vec<Run<H::Subject>>, Result<Vec<H::Ticket>, Failure>),
    Refetched(Run<H::Subject>, Result<H::Fetched, Failure>),
    Applied(Vec<(Run<H::Subject>, Result<Outcome, Failure>)>),
    Settled(Settled),
    Beaten(Beaten),
    Tended(Result<BreakerView, LedgerDown>),
    Verified(Result<BreakerView, LedgerDown>),
    Counted(Result<Depth, QueueError>),
}

struct Loop<H: Handler, Q, L> {
    parts: Arc<Parts<H, Q, L>>,
    mode: Mode,
    tasks: JoinSet<Turn<H>>,
    places: Arc<Semaphore>,
    refetch_slots: Arc<Semaphore>,
    intake: Intake<H::Subject>,
    breaker: Breaker<H::Subject>,
    /// Refetches that can be given up.
    running: HashMap<H::Subject, (u64, AbortHandle)>,
    fetched: Vec<(Run<H::Subject>, H::Fetched)>,
    oldest_fetched: Option<Instant>,
    /// Failures whose verdict waits for the upstream's answer.
    suspended: Vec<(Run<H::Subject>, Failure)>,
    ended: Vec<(Held, Verdict)>,
    receives: usize,
    last_receive_full: bool,
    receive_pause: Duration,
    receive_after: Instant,
    preparing: bool,
    applying: bool,
    settling: bool,
    beating: bool,
    tending: bool,
    counting: bool,
    next_tend: Instant,
    ledger_down: bool,
    empty_counts: u32,
    drain_until: Option<Instant>,
    report: Report,
}

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    fn new(parts: Arc<Parts<H, Q, L>>, mode: Mode) -> Self {
        let now = Instant::now();
        let options = &parts.options;
        Self {
            mode,
            tasks: JoinSet::new(),
            places: Arc::new(Semaphore::new(options.max_held)),
            refetch_slots: Arc::new(Semaphore::new(options.max_refetches)),
            intake: Intake::new(),
            breaker: Breaker::new(options),
            running: HashMap::new(),
            fetched: Vec::new(),
            oldest_fetched: None,
            suspended: Vec::new(),
            ended: Vec::new(),
            receives: 0,
            last_receive_full: false,
            receive_pause: Duration::ZERO,
            receive_after: now,
            preparing: false,
            applying: false,
            settling: false,
            beating: false,
            tending: false,
            counting: false,
            next_tend: now,
            // Until the ledger has answered once: a breaker may be open already.
            ledger_down: true,
            empty_counts: 0,
            drain_until: None,
            report: Report::default(),
            parts,
        }
    }

    async fn run(mut self, stop: CancellationToken) -> Result<Report, RuntimeError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.parts.pulse.turn();
            self.start_what_can_start();
            if self.is_finished() {
                break;
            }
            let linger_over = self.oldest_fetched.map(|oldest| oldest + self.parts.options.apply_linger);
            tokio::select! {
                Some(turn) = self.tasks.join_next() => match turn {
                    Ok(turn) => self.take(turn),
                    Err(error) if error.is_cancelled() => {}
                    Err(_panic) => tracing::error!("a task of the loop panicked: its messages come back by themselves"),
                },
                () = stop.cancelled(), if self.drain_until.is_none() => self.begin_drain(),
                () = sleep_until(linger_over) => {}
                () = sleep_until(self.drain_until) => return self.give_up().await,
                _ = tick.tick() => {}
            }
        }
        Ok(self.report)
    }

    fn start_what_can_start(&mut self) {
        self.tend_if_due();
        self.beat_if_due();
        if let Some(retry_after) = self.outage() {
            let ended = self.intake.end_waiting(&Verdict::Outage { retry_after });
            self.ended.extend(ended);
            self.parts.pulse.receive_answered();
        }
        self.start_refetches();
        self.start_apply();
        self.start_settling();
        self.start_receives();
        self.start_count();
    }

    /// How long to leave messages alone, when the upstream or our own ledger is down.
    fn outage(&self) -> Option<Duration> {
        let ledger = self.ledger_down.then_some(LEDGER_PAUSE);
        self.breaker.open_for().or(ledger).filter(|_| self.drain_until.is_none())
    }

    fn start_receives(&mut self) {
        let limit = self.breaker.refetch_limit();
        if self.drain_until.is_some() || self.ledger_down || limit == 0 || Instant::now() < self.receive_after
        {
            return;
        }
        let wanted = if self.last_receive_full { MAX_RECEIVES } else { 1 };
        let max = BATCH_LIMIT.min(limit).min(self.parts.options.max_held);
        while self.receives < wanted {
            #[expect(clippy::cast_possible_truncation, reason = "at most ten")]
            let Ok(places) = Arc::clone(&self.places).try_acquire_many_owned(max as u32) else { return };
            self.receives += 1;
            let parts = Arc::clone(&self.parts);
            self.tasks.spawn(async move {
                let received = parts.queue.receive(max, parts.options.receive_wait).await;
                Turn::Received(places, received)
            });
        }
    }

    fn start_refetches(&mut self) {
        if self.preparing || self.ledger_down {
            return;
        }
        let in_use = self.parts.options.max_refetches - self.refetch_slots.available_permits();
        let runs = self.intake.start(self.breaker.refetch_limit().saturating_sub(in_use));
        if runs.is_empty() {
            return;
        }
        self.preparing = true;
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let subjects: Vec<H::Subject> = runs.iter().map(|run| run.claim.subject.clone()).collect();
            let tickets =
                guarded("prepare", parts.options.step_limit, parts.handler.prepare(&subjects)).await;
            Turn::Prepared(runs, tickets)
        });
    }

    fn start_refetch(&mut self, run: Run<H::Subject>, ticket: H::Ticket) {
        let Ok(slot) = Arc::clone(&self.refetch_slots).try_acquire_owned() else {
            // Cannot be: no more runs are started than there are slots.
            self.end_run(&run, &Verdict::GivenBack);
            return;
        };
        let parts = Arc::clone(&self.parts);
        let (subject, id) = (run.claim.subject.clone(), run.id);
        let trace_id = run.claim.cause.trace.trace_id();
        let span = tracing::info_span!("refetch", worker = H::NAME, %subject, cause = %run.claim.cause.event_id, trace_id);
        let work = async move {
            let _slot = slot;
            let begun = Instant::now();
            let fetched =
                guarded("fetch", parts.options.step_limit, parts.handler.fetch(&run.claim, ticket)).await;
            metrics::refetched(begun.elapsed(), fetched.as_ref().err());
            Turn::Refetched(run, fetched)
        };
        let handle = self.tasks.spawn(work.instrument(span));
        self.running.insert(subject, (id, handle));
    }

    fn start_apply(&mut self) {
        let Some(oldest) = self.oldest_fetched else { return };
        let options = &self.parts.options;
        let more_to_come = !self.running.is_empty() && self.fetched.len() < options.max_apply;
        if self.applying || (more_to_come && oldest.elapsed() < options.apply_linger) {
            return;
        }
        self.applying = true;
        let mut batch: Vec<_> = self.fetched.drain(..self.fetched.len().min(options.max_apply)).collect();
        self.oldest_fetched = (!self.fetched.is_empty()).then_some(oldest);
        // The order of subjects is the order of locks.
        batch.sort_by(|(a, _), (b, _)| a.claim.subject.cmp(&b.claim.subject));
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move { Turn::Applied(apply(&parts.handler, &parts.options, batch).await) });
    }

    fn start_settling(&mut self) {
        if self.settling || self.ended.is_empty() {
            return;
        }
        self.settling = true;
        let ended = std::mem::take(&mut self.ended);
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let Parts { queue, dead_letters, ledger, options, .. } = &*parts;
            Turn::Settled(settle::<H, Q, L>(queue, dead_letters, ledger, options, ended).await)
        });
    }

    fn start_count(&mut self) {
        let asked = self.mode == Mode::UntilEmpty && self.drain_until.is_none() && !self.counting;
        if asked && self.empty_counts > 0 && self.is_idle() {
            self.counting = true;
            let parts = Arc::clone(&self.parts);
            self.tasks.spawn(async move { Turn::Counted(parts.queue.depth().await) });
        }
    }

    fn tend_if_due(&mut self) {
        if self.tending || Instant::now() < self.next_tend {
            return;
        }
        self.tending = true;
        self.next_tend = Instant::now() + TEND_INTERVAL;
        let parts = Arc::clone(&self.parts);
        self.tasks
            .spawn(async move { Turn::Tended(tend(&parts.handler, &parts.ledger, &parts.options).await) });
    }

    fn beat_if_due(&mut self) {
        self.intake.expired(Instant::now()).into_iter().for_each(|key| self.lose(key));
        if self.beating {
            return;
        }
        let visibility = self.parts.options.visibility_timeout;
        let due = |(key, held)| Beat::due(key, held, visibility);
        let beats: Vec<Beat> = self.intake.held_mut().filter_map(due).collect();
        if beats.is_empty() {
            return;
        }
        self.beating = true;
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move { Turn::Beaten(beat(&parts.queue, beats).await) });
    }

    fn take(&mut self, turn: Turn<H>) {
        match turn {
            Turn::Received(places, received) => self.take_received(places, received),
            Turn::Prepared(runs, Ok(tickets)) => {
                self.preparing = false;
                for (run, ticket) in runs.into_iter().zip(tickets) {
                    self.start_refetch(run, ticket);
                }
            }
            Turn::Prepared(runs, Err(failure)) => {
                self.preparing = false;
                for run in runs {
                    self.end_run(&run, &Verdict::Failed(failure.clone()));
                }
            }
            Turn::Refetched(run, fetched) => self.take_refetched(run, fetched),
            Turn::Applied(results) => {
                self.applying = false;
                for (run, result) in results {
                    self.end_run(&run, &result.map_or_else(Verdict::Failed, Verdict::Done));
                }
            }
            Turn::Settled(settled) => self.take_settled(settled),
            Turn::Beaten(Beaten { extended, lost }) => {
                self.beating = false;
                extended.into_iter().for_each(|(key, ours_until)| self.intake.extend(key, ours_until));
                lost.into_iter().for_each(|key| self.lose(key));
            }
            Turn::Tended(view) => {
                self.tending = false;
                self.take_view(view);
            }
            Turn::Verified(view) => self.take_verified(view),
            Turn::Counted(depth) => {
                self.counting = false;
                self.empty_counts = match depth {
                    Ok(depth) if depth.is_empty() => self.empty_counts + 1,
                    _ => 0,
                };
            }
        }
        metrics::held(self.intake.len());
    }

    fn take_received(
        &mut self,
        mut places: OwnedSemaphorePermit,
        received: Result<Vec<ReceivedMessage>, QueueError>,
    ) {
        self.receives -= 1;
        self.parts.pulse.receive_answered();
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                metrics::queue_call_failed(&error);
                self.last_receive_full = false;
                self.receive_pause = (self.receive_pause * 2).clamp(TICK, LONGEST_RECEIVE_PAUSE);
                self.receive_after = Instant::now() + self.receive_pause;
                return;
            }
        };
        self.receive_pause = Duration::ZERO;
        self.last_receive_full = messages.len() == BATCH_LIMIT;
        self.empty_counts = if messages.is_empty() { self.empty_counts.max(1) } else { 0 };
        let visibility = self.parts.options.visibility_timeout;
        for message in messages {
            metrics::received(message.sent_at);
            self.admit(Held::new(message, visibility, places.split(1)));
        }
    }

    fn admit(&mut self, held: Held) {
        if self.drain_until.is_some() {
            self.ended.push((held, Verdict::GivenBack));
            return;
        }
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.parts.handler.read(&held.message.body)
        }));
        match read {
            Ok(Ok(reading)) if reading.demands.is_empty() => self.ended.push((held, Verdict::Ignored)),
            Ok(Ok(reading)) => {
                for _ in 0..self.intake.admit(held, reading) {
                    metrics::folded();
                }
            }
            Ok(Err(Refusal { class, detail })) => {
                self.ended.push((held, Verdict::Refused(Refusal { class, detail })))
            }
            Err(_panic) => self.ended.push((held, Verdict::Failed(panicked("read")))),
        }
    }

    fn take_refetched(&mut self, run: Run<H::Subject>, fetched: Result<H::Fetched, Failure>) {
        if self.running.get(&run.claim.subject).is_none_or(|(id, _)| *id != run.id) {
            return;
        }
        self.running.remove(&run.claim.subject);
        match fetched {
            Ok(fetched) => {
                self.breaker.succeeded();
                self.fetched.push((run, fetched));
                self.oldest_fetched.get_or_insert_with(Instant::now);
            }
            Err(Failure::Limited { retry_after }) => {
                self.breaker.limited(retry_after);
                self.tell_fleet("rate_limited", retry_after);
                self.end_run(&run, &Verdict::Outage { retry_after });
            }
            Err(failure @ Failure::Upstream { .. }) => self.suspect(run, failure),
            Err(failure) => {
                self.breaker.succeeded();
                self.end_run(&run, &Verdict::Failed(failure));
            }
        }
    }

    fn suspect(&mut self, run: Run<H::Subject>, failure: Failure) {
        match self.breaker.failed(&run.claim.subject) {
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
                self.tell_fleet(failure.class(), until_probe);
                self.end_run(&run, &Verdict::Outage { retry_after: until_probe });
            }
        }
    }

    /// Opens the shared breaker; what the fleet then believes comes back as a turn.
    fn tell_fleet(&mut self, reason: &'static str, until_probe: Duration) {
        metrics::breaker_opened(self.parts.handler.upstream(), reason, until_probe);
        let parts = Arc::clone(&self.parts);
        self.tending = true;
        self.tasks.spawn(async move {
            let upstream = parts.handler.upstream();
            let told = parts.ledger.open_breaker(upstream, reason, until_probe).await;
            Turn::Tended(told.map(|()| BreakerView::Open { until_probe }))
        });
    }

    fn take_verified(&mut self, view: Result<BreakerView, LedgerDown>) {
        let suspended = std::mem::take(&mut self.suspended);
        let open = matches!(view, Ok(BreakerView::Open { .. }));
        let unknown = view.is_err();
        self.breaker.cleared();
        self.take_view(view);
        for (run, failure) in suspended {
            let verdict = if open || unknown {
                let retry_after = self.breaker.open_for().unwrap_or(LEDGER_PAUSE);
                Verdict::Outage { retry_after }
            } else {
                Verdict::Failed(failure)
            };
            self.end_run(&run, &verdict);
        }
    }

    fn take_view(&mut self, view: Result<BreakerView, LedgerDown>) {
        match view {
            Ok(view) => {
                self.ledger_down = false;
                let upstream = self.parts.handler.upstream();
                if self.breaker.learn(view) {
                    match view {
                        BreakerView::Closed => metrics::breaker_closed(upstream),
                        BreakerView::Open { .. } => metrics::breaker(upstream, true),
                    }
                }
            }
            Err(error) => {
                if !self.ledger_down {
                    metrics::ledger_down(&error);
                }
                self.ledger_down = true;
            }
        }
    }

    fn take_settled(&mut self, settled: Settled) {
        self.settling = false;
        self.ledger_down |= settled.ledger_down;
        self.report.dead_lettered += settled.dead_lettered;
        for (label, count) in settled.outcomes {
            *self.report.outcomes.entry(label).or_default() += count;
        }
    }

    fn end_run(&mut self, run: &Run<H::Subject>, verdict: &Verdict) {
        let ended = self.intake.finish(&run.claim.subject, run.id, verdict);
        self.ended.extend(ended);
    }

    /// A message that is another consumer's now: nothing more is done for it.
    fn lose(&mut self, key: Key) {
        let Some((held, orphaned)) = self.intake.lose(key) else { return };
        metrics::receipt_lost(&held.message.message_id);
        for subject in orphaned {
            if let Some((_, handle)) = self.running.remove(&subject) {
                handle.abort();
            }
        }
    }

    fn begin_drain(&mut self) {
        tracing::info!(
            held = self.intake.len(),
            "stopping: what is begun is finished, the rest is given back"
        );
        let limit = self.parts.options.drain_limit.saturating_sub(GIVE_BACK_TIME);
        self.drain_until = Some(Instant::now() + limit);
        let ended = self.intake.end_waiting(&Verdict::GivenBack);
        self.ended.extend(ended);
    }

    /// The drain limit is over: gives back what is still unfinished.
    async fn give_up(mut self) -> Result<Report, RuntimeError> {
        self.tasks.abort_all();
        let unfinished = self.intake.end_all(&Verdict::GivenBack);
        self.ended.extend(unfinished);
        let count = self.ended.len();
        tracing::warn!(messages = count, "drain limit reached: giving back what is unfinished");
        let Parts { queue, dead_letters, ledger, options, .. } = &*self.parts;
        let settled =
            settle::<H, Q, L>(queue, dead_letters, ledger, options, std::mem::take(&mut self.ended));
        match tokio::time::timeout(GIVE_BACK_TIME, settled).await {
            Ok(settled) => {
                self.take_settled(settled);
                Ok(self.report)
            }
            Err(_elapsed) => Err(RuntimeError::Undrained(count)),
        }
    }

    fn is_idle(&self) -> bool {
        self.intake.is_empty() && self.ended.is_empty() && !self.settling && self.receives == 0
    }

    fn is_finished(&self) -> bool {
        // Two counts that agree, since each is approximate.
        let empty = self.mode == Mode::UntilEmpty && self.empty_counts > 2;
        self.is_idle() && (self.drain_until.is_some() || empty)
    }
}

/// Applies a batch; when it fails for another reason than a passing one, each entry alone, so that one bad entry fails
/// alone.
async fn apply<H: Handler>(
    handler: &H,
    options: &Options,
    batch: Vec<(Run<H::Subject>, H::Fetched)>,
) -> Vec<(Run<H::Subject>, Result<Outcome, Failure>)> {
    let begun = Instant::now();
    let (runs, entries): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|(run, fetched)| (run.clone(), (run.claim, fetched))).unzip();
    let whole = apply_guarded(handler, options, &entries).await;
    metrics::applied(entries.len(), begun.elapsed());
    let results = match whole {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(failure) if entries.len() == 1 || is_passing(&failure) => vec![Err(failure); entries.len()],
        Err(_) => {
            let mut results = Vec::with_capacity(entries.len());
            for entry in entries.chunks(1) {
                let outcome = apply_guarded(handler, options, entry)
                    .await
                    .and_then(|mut outcomes| outcomes.pop().ok_or_else(|| panicked("apply")));
                results.push(outcome);
            }
            results
        }
    };
    runs.into_iter().zip(results).collect()
}

async fn apply_guarded<H: Handler>(
    handler: &H,
    options: &Options,
    entries: &[(Claim<H::Subject>, H::Fetched)],
) -> Result<Vec<Outcome>, Failure> {
    guarded("apply", options.step_limit, handler.apply(entries)).await
}

/// A failure that the whole batch shares. A panic is one entry's.
fn is_passing(failure: &Failure) -> bool {
    matches!(failure, Failure::Transient { class, .. } if *class != "panic")
}

/// Waits until the given time, or for ever when there is none.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
