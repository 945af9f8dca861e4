//! A worker that panics at one record: for the test that a panic costs one message and not the process.
//!
//! In: any [`Worker`], and the record's ID in [`PANIC_AT`]. Out: the same worker, which panics before it refetches that record.
//! Each worker has an example made of it, so that the deployed binary has no such switch.

use std::marker::PhantomData;

use connectors::Source;
use event_contract::Envelope;
use postgres_store::Store;
use worker_runtime::{Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal};

use crate::Worker;

/// Environment variable with the ID of the record at which the worker panics.
pub const PANIC_AT: &str = "COPPICE_TEST_PANIC_AT";

/// The message of the panic. A test looks for it where it must not be: a panic's message may quote data.
pub const MARKED_WORDS: &str = "marked words of a panic";

/// `W`, which panics at the record of [`PANIC_AT`].
pub struct Panicking<W>(PhantomData<W>);

/// The handler of a [`Panicking`] worker.
pub struct PanickingHandler<H> {
    inner: H,
    panic_at: String,
}

impl<W: Worker> Worker for Panicking<W> {
    type Handler = PanickingHandler<W::Handler>;
    const ABOUT: &'static str = W::ABOUT;

    #[expect(clippy::disallowed_methods, reason = "a switch of a test, and no setting of a unit")]
    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(PanickingHandler { inner: W::handler(source, store)?, panic_at: std::env::var(PANIC_AT)? })
    }
}

impl<H: Handler> Handler for PanickingHandler<H> {
    const NAME: &'static str = H::NAME;
    type Subject = H::Subject;
    type Ticket = H::Ticket;
    type Fetched = H::Fetched;

    fn upstream(&self) -> &str {
        self.inner.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<H::Subject>, Refusal> {
        self.inner.read(envelope)
    }

    async fn prepare(&self, subjects: &[H::Subject]) -> Result<Vec<H::Ticket>, Failure> {
        self.inner.prepare(subjects).await
    }

    async fn fetch(&self, refetch: &Refetch<H::Subject>, ticket: H::Ticket) -> Result<H::Fetched, Failure> {
        // `Debug`, because a subject may have several IDs.
        assert!(!format!("{:?}", refetch.subject).contains(&self.panic_at), "{MARKED_WORDS}");
        self.inner.fetch(refetch, ticket).await
    }

    fn went_through(&self, fetched: &H::Fetched) -> bool {
        self.inner.went_through(fetched)
    }

    async fn apply(&self, batch: &[(Refetch<H::Subject>, H::Fetched)]) -> Result<Vec<Outcome>, Failure> {
        self.inner.apply(batch).await
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        self.inner.probe().await
    }
}
