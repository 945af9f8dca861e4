//! The loop: one task that owns all state, and a set of tasks that do the waiting.
//!
//! Every wait (receive, refetch, apply, settle, heartbeat, breaker) is a task whose end is a [`Turn`]. The loop takes
//! turns one after the other, so that there is no lock and no shared counter.
//!
//! Here: the state, and who is called when. What a turn does stands in the module of its step.

mod applying;
mod keeping;
mod receiving;
mod refetching;
mod settling;
mod stopping;
mod upstream;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqs_queue::{Depth, Queue, QueueError, ReceivedMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::breaker::Breaker;
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler};
use crate::intake::{InFlight, Intake, Run};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::liveness::Liveness;
use crate::metrics;
use crate::options::{Mode, Options};
use crate::patient_ledger::PatientLedger;
use crate::settle::{Lane, Settled};
use crate::visibility::Extended;
use applying::Results;
use receiving::Receiving;

/// How often the loop looks around when nothing happens: heartbeats, breaker, liveness.
const TICK: Duration = Duration::from_millis(250);

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
    /// A task of the loop itself panicked: what it held is unknown, so everything was given back.
    #[error("the loop is broken: one of its tasks panicked")]
    Broken,
}

/// A handler at work on a queue.
pub struct Runtime<H, Q, L> {
    parts: Arc<Parts<H, Q, L>>,
}

struct Parts<H, Q, L> {
    handler: H,
    queue: Q,
    dead_letters: Q,
    ledger: PatientLedger<L>,
    options: Options,
    liveness: Liveness,
}

impl<H: Handler, Q: Queue, L: Ledger> Runtime<H, Q, L> {
    /// Puts the parts together. Nothing happens yet.
    pub fn new(
        handler: H,
        queue: Q,
        dead_letters: Q,
        ledger: L,
        options: Options,
        liveness: Liveness,
    ) -> Self {
        let ledger = PatientLedger(ledger);
        Self { parts: Arc::new(Parts { handler, queue, dead_letters, ledger, options, liveness }) }
    }

    /// Runs until `stop` is cancelled or, in [`Mode::UntilEmpty`], until the queue is empty.
    ///
    /// # Errors
    /// [`RuntimeError`]: messages may come back later than they could.
    pub async fn run(self, mode: Mode, stop: CancellationToken) -> Result<Report, RuntimeError> {
        Loop::new(self.parts, mode).run(stop).await
    }
}

/// The end of something that was waited for.
enum Turn<H: Handler> {
    Received(OwnedSemaphorePermit, Result<Vec<ReceivedMessage>, QueueError>),
    Prepared(Vec<Run<H::Subject>>, Result<Vec<H::Ticket>, Failure>),
    /// With its slot: the next may start when it is known how this one went, and not sooner.
    Refetched(Run<H::Subject>, Result<H::Fetched, Failure>, OwnedSemaphorePermit),
    Applied(Results<H::Subject>),
    Extended(Extended),
    Refreshed {
        asked_at: Instant,
        view: Result<BreakerView, LedgerDown>,
    },
    FleetNotified(Result<(), LedgerDown>),
    Verified(Result<BreakerView, LedgerDown>),
    Counted(Result<Depth, QueueError>),
}

struct Loop<H: Handler, Q, L> {
    parts: Arc<Parts<H, Q, L>>,
    mode: Mode,
    tasks: JoinSet<Turn<H>>,
    /// At most one task a lane, apart from the others because a drain that is over must not abort it.
    settling: JoinSet<Settled>,
    busy_lanes: HashSet<Lane>,
    places: Arc<Semaphore>,
    refetch_slots: Arc<Semaphore>,
    intake: Intake<H::Subject>,
    breaker: Breaker<H::Subject>,
    receiving: Receiving,
    /// Refetches that can be given up.
    running: HashMap<H::Subject, (u64, AbortHandle)>,
    fetched: Vec<(Run<H::Subject>, H::Fetched)>,
    oldest_fetched: Option<Instant>,
    /// Failures whose verdict waits for the upstream's answer.
    suspended: Vec<(Run<H::Subject>, Failure)>,
    ended: Vec<(InFlight, Verdict)>,
    preparing: bool,
    applying: bool,
    extending: bool,
    next_extension: Instant,
    refreshing: bool,
    next_refresh: Instant,
    /// Openings that the fleet is being told of.
    notifying: usize,
    /// When this process last opened it: what the ledger was asked before that is old.
    opened_at: Option<Instant>,
    ledger_down: bool,
    drain_until: Option<Instant>,
    broken: bool,
    report: Report,
}

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    fn new(parts: Arc<Parts<H, Q, L>>, mode: Mode) -> Self {
        let options = &parts.options;
        Self {
            mode,
            tasks: JoinSet::new(),
            settling: JoinSet::new(),
            busy_lanes: HashSet::new(),
            places: Arc::new(Semaphore::new(options.max_in_flight)),
            refetch_slots: Arc::new(Semaphore::new(options.max_refetches)),
            intake: Intake::new(),
            breaker: Breaker::new(options),
            receiving: Receiving::new(),
            running: HashMap::new(),
            fetched: Vec::new(),
            oldest_fetched: None,
            suspended: Vec::new(),
            ended: Vec::new(),
            preparing: false,
            applying: false,
            extending: false,
            next_extension: Instant::now(),
            refreshing: false,
            next_refresh: Instant::now(),
            notifying: 0,
            opened_at: None,
            // Until the ledger has answered once: a breaker may be open already.
            ledger_down: true,
            drain_until: None,
            broken: false,
            report: Report::default(),
            parts,
        }
    }

    async fn run(mut self, stop: CancellationToken) -> Result<Report, RuntimeError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.parts.liveness.turn();
            self.start_what_can_start();
            if self.is_finished() {
                return self.end();
            }
            let linger_over = self.linger_over();
            tokio::select! {
                Some(turn) = self.tasks.join_next() => match turn {
                    Ok(turn) => self.take(turn),
                    Err(error) => self.take_lost_task(&error),
                },
                Some(settled) = self.settling.join_next() => match settled {
                    Ok(settled) => self.take_settled(settled),
                    Err(error) => self.take_lost_task(&error),
                },
                () = stop.cancelled(), if self.drain_until.is_none() => self.begin_drain(),
                () = sleep_until(linger_over) => {}
                () = sleep_until(self.drain_until) => return self.give_up().await,
                _ = tick.tick() => {}
            }
        }
    }

    fn start_what_can_start(&mut self) {
        self.refresh_if_due();
        self.extend_if_due();
        if let Some(retry_after) = self.outage() {
            let ended = self.intake.end_waiting(&Verdict::Outage { retry_after });
            self.ended.extend(ended);
        }
        self.start_refetches();
        self.start_apply();
        self.start_settling();
        self.start_count();
        self.start_receives();
    }

    fn take(&mut self, turn: Turn<H>) {
        match turn {
            Turn::Received(places, received) => self.take_received(places, received),
            Turn::Prepared(runs, tickets) => self.take_prepared(runs, tickets),
            Turn::Refetched(run, fetched, _slot) => self.take_refetched(run, fetched),
            Turn::Applied(results) => self.take_applied(results),
            Turn::Extended(extended) => self.take_extended(extended),
            Turn::Refreshed { asked_at, view } => self.take_refreshed(asked_at, view),
            Turn::FleetNotified(notified) => self.take_notified(notified),
            Turn::Verified(view) => self.take_verified(view),
            Turn::Counted(depth) => self.receiving.counted(&depth),
        }
        metrics::held(self.intake.len());
    }

    /// Steps of the handler cannot panic here, so it is the loop itself, or what it asks. The messages of that task
    /// would be held and kept invisible for ever: the process ends, and another begins anew.
    fn take_lost_task(&mut self, error: &JoinError) {
        if error.is_cancelled() {
            return;
        }
        tracing::error!("a task of the loop panicked: the process ends");
        self.broken = true;
        if self.drain_until.is_none() {
            self.begin_drain();
        }
    }

    fn is_idle(&self) -> bool {
        self.intake.is_empty()
            && self.ended.is_empty()
            && self.settling.is_empty()
            && self.receiving.outstanding() == 0
    }
}

/// Waits until the given time, or for ever when there is none.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
