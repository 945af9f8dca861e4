//! From a refetch that waits in the intake to its result.

use std::sync::Arc;

use sqs_queue::Queue;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Loop, Turn};
use crate::catch::{OVERRUN, guarded, miscounted, of_database};
use crate::disposition::Verdict;
use crate::handler::{Failure, Handler};
use crate::intake::Run;
use crate::ledger::Ledger;
use crate::metrics;

impl<H: Handler, Q: Queue, L: Ledger> Loop<H, Q, L> {
    pub(super) fn start_refetches(&mut self) {
        let runs = self.intake.start(self.refetches.startable(self.gate.refetch_limit()));
        if runs.is_empty() {
            return;
        }
        self.refetches.set_preparing(true);
        let parts = Arc::clone(&self.parts);
        self.tasks.spawn(async move {
            let subjects: Vec<H::Subject> = runs.iter().map(|run| run.refetch.subject.clone()).collect();
            let preparing = async { parts.handler.prepare(&subjects).await };
            let tickets = guarded("prepare", parts.options.step_limit, preparing).await;
            Turn::Prepared(runs, tickets)
        });
    }

    pub(super) fn take_prepared(
        &mut self,
        runs: Vec<Run<H::Subject>>,
        tickets: Result<Vec<H::Ticket>, Failure>,
    ) {
        self.refetches.set_preparing(false);
        let tickets = tickets.map_err(of_database).and_then(|tickets| {
            if tickets.len() == runs.len() { Ok(tickets) } else { Err(miscounted("prepare")) }
        });
        match tickets {
            Ok(tickets) => {
                for (run, ticket) in runs.into_iter().zip(tickets) {
                    self.start_refetch(run, ticket);
                }
            }
            Err(failure) => runs.into_iter().for_each(|run| self.fail(run, failure.clone())),
        }
    }

    fn start_refetch(&mut self, run: Run<H::Subject>, ticket: H::Ticket) {
        if !self.intake.is_running(&run) {
            // Its messages became another consumer's while it was prepared.
            return;
        }
        if let Some(retry_after) = self.gate.open_for() {
            // The breaker opened while the run was prepared.
            self.end_run(&run, &Verdict::Outage { retry_after });
            return;
        }
        let Some(slot) = self.refetches.slot() else {
            // Cannot be: no more runs are started than there are slots.
            self.end_run(&run, &Verdict::Released);
            return;
        };
        let parts = Arc::clone(&self.parts);
        let (subject, id) = (run.refetch.subject.clone(), run.id);
        let trace_id = run.refetch.cause.trace.trace_id();
        let span = tracing::info_span!("refetch", worker = H::NAME, %subject, cause = %run.refetch.cause.event_id, trace_id);
        let work = async move {
            let begun = Instant::now();
            let fetching = async { parts.handler.fetch(&run.refetch, ticket).await };
            let fetched = guarded("fetch", parts.options.step_limit, fetching).await;
            metrics::refetched(begun.elapsed(), fetched.as_ref().err());
            Turn::Refetched(run, fetched, slot)
        };
        let handle = self.tasks.spawn(work.instrument(span));
        self.refetches.started(subject, id, handle);
    }

    pub(super) fn take_refetched(&mut self, mut run: Run<H::Subject>, fetched: Result<H::Fetched, Failure>) {
        if !self.refetches.ended(&run) {
            return;
        }
        match fetched {
            Ok(fetched) => {
                run.went_through = self.parts.handler.went_through(&fetched);
                if run.went_through {
                    self.gate.upstream_answered();
                }
                self.batch.push(run, fetched);
            }
            // The upstream may be the cause of a step that took too long.
            Err(Failure::Transient { class: OVERRUN, detail, retry_after }) => {
                self.fail(run, Failure::Upstream { class: OVERRUN, detail, retry_after });
            }
            Err(failure) => self.fail(run, failure),
        }
    }
}
