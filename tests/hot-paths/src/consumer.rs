//! The consumer loop, with a queue and a ledger in memory: receive, read, coalesce, batch, settle.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, ensure};
use event_contract::{Envelope, Hop, TraceContext};
use sqs_queue::{MemoryQueue, MemoryQueueConfig, OutgoingMessage, Queue};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::{
    Cause, Demand, Failure, Handler, Liveness, MemoryLedger, Mode, Options, Outcome, Probed, Reading,
    Refetch, Refusal, Runtime,
};

const MESSAGES: usize = 100;

/// Runs turns of a hundred messages about fifty subjects each, from the receive to the deletion.
pub(crate) fn batch(times: u32) -> anyhow::Result<()> {
    // One thread, and a clock that advances only when all tasks wait. So each turn does the same work.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    for _ in 0..times {
        runtime.block_on(turn())?;
    }
    Ok(())
}

async fn turn() -> anyhow::Result<()> {
    let visibility_timeout = Duration::from_secs(30);
    let queue = MemoryQueue::new(MemoryQueueConfig { visibility_timeout, redrive: None });
    let messages: Vec<OutgoingMessage> = (0..MESSAGES)
        .map(|number| OutgoingMessage { body: event(number / 2), ..OutgoingMessage::default() })
        .collect();
    for batch in messages.chunks(sqs_queue::BATCH_LIMIT) {
        queue.send(batch).await?;
    }
    let options = Options { worker_version: String::from("0.0.0"), visibility_timeout, ..Options::default() };
    let (dlq, ledger) = (MemoryQueue::default(), MemoryLedger::default());
    let consumer = Runtime::new(Nothing, queue.clone(), dlq, ledger, options, Liveness::default());
    consumer.run(Mode::UntilEmpty, CancellationToken::new()).await.context("the consumer loop failed")?;
    ensure!(queue.messages().is_empty(), "messages are left");
    Ok(())
}

fn event(number: usize) -> String {
    let id = Uuid::nil();
    format!(
        r#"{{"id":"{id}","source":"s","detail-type":"t","time":"2026-11-23T10:00:00Z","detail":{number}}}"#
    )
}

/// A handler that does no work of its own.
struct Nothing;

impl Handler for Nothing {
    const NAME: &'static str = "hot-paths";
    type Subject = String;
    type Ticket = ();
    type Fetched = ();

    fn upstream(&self) -> &str {
        "vendor"
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<String>, Refusal> {
        let cause = Cause { event_id: Uuid::nil(), hop: Hop::OUTSIDE, trace: TraceContext::start() };
        let demand = Demand { subject: envelope.detail.get().to_owned(), not_before: None, removed: false };
        Ok(Reading { cause, demands: vec![demand] })
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<()>, Failure> {
        Ok(vec![(); subjects.len()])
    }

    fn fetch(&self, _: &Refetch<String>, (): ()) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }

    fn went_through(&self, (): &()) -> bool {
        true
    }

    async fn apply(&self, batch: &[(Refetch<String>, ())]) -> Result<Vec<Outcome>, Failure> {
        Ok(vec![Outcome::Applied; batch.len()])
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        Ok(Probed::Answers)
    }
}
