//! The loop: one task that owns all state, and a set of tasks that do the waiting.
//!
//! Every wait (receive, refetch, apply, settle, extend, refresh, probe) is a task whose end is a [`Turn`]. The loop takes turns
//! one after the other, so there is no lock and no shared counter. Parts with their own state decide; the loop starts the
//! tasks that they ask for, and passes each result on. The wiring of a step is in the module of the step.

mod applying;
mod batch;
mod ending;
mod failed_before;
mod keeping;
mod our_side;
mod receiving;
mod refetches;
mod refetching;
mod settling;
mod stopping;
mod upstream;
mod upstream_gate;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqs_queue::{Depth, Queue, QueueError, ReceivedMessage};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::breaker::Verified;
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler};
use crate::intake::{Intake, Run};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::liveness::Liveness;
use crate::metrics;
use crate::options::{Mode, Options};
use crate::patient_ledger::PatientLedger;
use crate::visibility::{Extended, Visibility};
use applying::Results;
use batch::Batch;
use receiving::Receiving;
use refetches::Refetches;
use settling::Settling;
use upstream_gate::UpstreamGate;

/// How often the loop turns when nothing ends: for visibility extensions, the breaker's row, and liveness.
const TICK: Duration = Duration::from_millis(250);

/// What a run did, by the end of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages by outcome label: `applied`, `unchanged`, `gone`, `ignored`, `failed`, `refused`, `outage`, …
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Messages that were dead-lettered.
    pub dead_lettered: u64,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuntimeError {
    /// Work was unfinished at the end of the drain. Its messages come back when their visibility ends.
    #[error("stopped with {0} message(s) neither finished nor released")]
    Undrained(usize),
    /// A task of the loop itself panicked. Which messages it had is unknown, so all were released.
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
    /// Makes a runtime. It starts when it is run.
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
    /// [`RuntimeError`]: some messages may come back only when their visibility ends.
    pub async fn run(self, mode: Mode, stop: CancellationToken) -> Result<Report, RuntimeError> {
        Loop::new(self.parts, mode).run(stop).await
    }
}

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
    Verified(Result<Verified, LedgerDown>),
    Counted(Result<Depth, QueueError>),
}

struct Loop<H: Handler, Q, L> {
    parts: Arc<Parts<H, Q, L>>,
    mode: Mode,
    tasks: JoinSet<Turn<H>>,
    intake: Intake<H::Subject>,
    receiving: Receiving,
    gate: UpstreamGate<H::Subject>,
    refetches: Refetches<H::Subject>,
    batch: Batch<H::Subject, H::Fetched>,
    settling: Settling,
    visibility: Visibility,
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
            intake: Intake::new(),
            receiving: Receiving::new(options.max_in_flight),
            gate: UpstreamGate::new(options),
            refetches: Refetches::new(options.max_refetches),
            batch: Batch::new(options),
            settling: Settling::default(),
            visibility: Visibility::new(options.visibility_timeout),
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
            let linger_over = self.batch.linger_over();
            tokio::select! {
                Some(turn) = self.tasks.join_next() => match turn {
                    Ok(turn) => self.take(turn),
                    Err(error) => self.take_lost_task(&error),
                },
                Some(settled) = self.settling.next() => match settled {
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
        self.report_own_outage();
        if let Some(retry_after) = self.gate.outage() {
            self.settling.extend(self.intake.end_waiting(&Verdict::Outage { retry_after }));
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
            Turn::FleetNotified(notified) => self.gate.notified(notified),
            Turn::Verified(verified) => self.take_verified(verified),
            Turn::Counted(depth) => self.receiving.counted(&depth),
        }
        metrics::in_flight(self.intake.len());
    }

    fn take_lost_task(&mut self, error: &JoinError) {
        if error.is_cancelled() {
            return;
        }
        // A handler's step catches its panics: the loop itself panicked, or a client. The task's messages would stay in flight,
        // so the process drains and ends, and Kubernetes starts another.
        tracing::error!("a task of the loop panicked: the process ends");
        self.broken = true;
        if self.drain_until.is_none() {
            self.begin_drain();
        }
    }

    fn is_idle(&self) -> bool {
        self.intake.is_empty() && self.settling.is_idle() && self.receiving.outstanding() == 0
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
