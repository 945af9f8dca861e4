//! The worker's handler under the job's name, with a budget and a guard. Its steps are those of [`RecordSync`]. This module
//! adds what happens to a refetch that the budget does not admit any more, and the guard against deletions.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use event_contract::Envelope;
use job_process::JobError;
use postgres_store::{RefetchTicket, Store};
use record_sync::{RecordSync, Reread, from_store};
use tokio_util::sync::CancellationToken;
use worker_runtime::{Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal};

use crate::ResyncJob;
use crate::budget::{Budget, PUT_OFF};

/// `None`: the budget is used up, and nothing was read.
type Resynced = Option<Reread>;

pub(crate) struct Resyncing<J: ResyncJob> {
    sync: RecordSync<J>,
    store: Store,
    budget: Arc<Budget>,
    most_deletions: u64,
    brake: Brake,
    job: PhantomData<J>,
}

impl<J: ResyncJob> Resyncing<J> {
    pub(crate) const fn new(
        sync: RecordSync<J>,
        store: Store,
        budget: Arc<Budget>,
        most_deletions: u64,
        brake: Brake,
    ) -> Self {
        Self { sync, store, budget, most_deletions, brake, job: PhantomData }
    }

    async fn may_delete(&self, batch: &[(Refetch<String>, Resynced)]) -> Result<bool, Failure> {
        let gone = batch.iter().filter_map(|(_, resynced)| resynced.as_ref()?.gone());
        let gone: Vec<String> = gone.map(str::to_owned).collect();
        if gone.is_empty() {
            return Ok(true);
        }
        // A source that is set up wrongly answers "no such record" to everything. If the batch goes over the day's limit, none
        // of it is stored as gone, and the job ends.
        let source = self.sync.source().name();
        let allowed = self.store.allow_deletions(source, &gone, self.most_deletions).await;
        let allowed = allowed.map_err(|error| from_store(&error))?;
        if !allowed {
            self.brake.too_many_are_gone(source, self.most_deletions);
        }
        Ok(allowed)
    }
}

impl<J: ResyncJob> Handler for Resyncing<J> {
    const NAME: &'static str = J::NAME;
    type Subject = String;
    type Ticket = RefetchTicket;
    type Fetched = Resynced;

    fn upstream(&self) -> &str {
        self.sync.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<String>, Refusal> {
        self.sync.read(envelope)
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<RefetchTicket>, Failure> {
        self.sync.prepare(subjects).await
    }

    async fn fetch(&self, refetch: &Refetch<String>, ticket: RefetchTicket) -> Result<Resynced, Failure> {
        match self.sync.fetch(refetch, ticket).await {
            // The limit is our own: what was admitted before is finished, and nothing waits for the provider.
            Err(Failure::Limited { .. }) if self.budget.is_used_up() => {
                self.brake.day_is_used_up(self.budget.per_day());
                Ok(None)
            }
            fetched => fetched.map(Some),
        }
    }

    fn went_through(&self, resynced: &Resynced) -> bool {
        resynced.as_ref().is_some_and(|reread| self.sync.went_through(reread))
    }

    async fn apply(&self, batch: &[(Refetch<String>, Resynced)]) -> Result<Vec<Outcome>, Failure> {
        let may_delete = self.may_delete(batch).await?;
        let applicable =
            |resynced: &Resynced| resynced.clone().filter(|reread| may_delete || reread.gone().is_none());
        let rereads: Vec<(Refetch<String>, Reread)> = batch
            .iter()
            .filter_map(|(refetch, resynced)| Some((refetch.clone(), applicable(resynced)?)))
            .collect();
        let mut outcomes = match rereads.is_empty() {
            true => Vec::new(),
            false => self.sync.apply(&rereads).await?,
        }
        .into_iter();
        let outcome = |resynced: &Resynced| match applicable(resynced) {
            // As many outcomes as there were entries.
            Some(_) => outcomes.next().unwrap_or(Outcome::Unchanged),
            None => Outcome::Snooze(PUT_OFF),
        };
        Ok(batch.iter().map(|(_, resynced)| resynced).map(outcome).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        self.sync.probe().await
    }
}

/// Ends the job before its queue is empty, and keeps the reason.
#[derive(Clone)]
pub(crate) struct Brake {
    token: CancellationToken,
    reason: Arc<OnceLock<String>>,
}

impl Brake {
    pub(crate) fn new(stop: &CancellationToken) -> Self {
        Self { token: stop.child_token(), reason: Arc::default() }
    }

    /// Cancelled by the brake, and by what stops the process.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    fn too_many_are_gone(&self, source: &str, most: u64) {
        self.pull(format!(
            "more than {most} records of {source} would be stored as gone today: the one that went over that was left as \
             it is. Make sure that the settings name the right {source}; if the records are truly gone, set \
             COPPICE_RESYNC_MAX_DELETIONS to a number that allows them"
        ));
    }

    pub(crate) fn day_is_used_up(&self, per_day: u64) {
        self.pull(format!(
            "the {per_day} requests of the day are used up: what is left waits in the queue. The next day begins at 00:00 \
             UTC; COPPICE_RESYNC_REQUESTS_PER_DAY allows more"
        ));
    }

    fn pull(&self, reason: String) {
        if self.reason.set(reason).is_ok() {
            tracing::warn!(reason = self.reason.get(), "resync stops before the end");
            self.token.cancel();
        }
    }

    pub(crate) fn end(&self, stop: &CancellationToken) -> Result<(), JobError> {
        match self.reason.get() {
            Some(reason) => Err(JobError::Guarded(reason.clone())),
            None if stop.is_cancelled() => {
                Err(JobError::Stopped(String::from("stopped by a signal: what is left waits in the queue")))
            }
            None => Ok(()),
        }
    }
}
