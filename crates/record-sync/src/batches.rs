//! Reads the records of concurrent refetches in one call: a source limits the number of calls, not of records. No caller waits
//! for a batch to fill: while calls are in progress, new requests gather in the next batch. Must not know: which source it is.

use std::sync::Arc;

use connectors::{Connected, Fetched, Outage, ProviderError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Concurrent calls: a slow call does not delay the next one.
const CALLS: usize = 2;

type Answer = Result<Fetched, ProviderError>;

struct Ask {
    id: String,
    reply: oneshot::Sender<Answer>,
}

/// Collects requests for records. The reading task ends when this is dropped.
pub(crate) struct Batches {
    asks: mpsc::Sender<Ask>,
}

impl Batches {
    /// Starts to read from a source that has [`connectors::Batches`], in a task of the current runtime.
    pub(crate) fn start(source: Connected) -> Self {
        let most = source.batches().map_or(1, connectors::Batches::most);
        let (asks, asked) = mpsc::channel(most);
        tokio::spawn(read_on(source, asked, most));
        Self { asks }
    }

    /// The record in the source. The call to the source begins after this call.
    pub(crate) async fn fetch(&self, id: &str) -> Answer {
        let (reply, answer) = oneshot::channel();
        // Both fail only if the reading task has panicked. The caller sees that as a broken connection.
        self.asks.send(Ask { id: id.to_owned(), reply }).await.map_err(|_| BROKEN)?;
        answer.await.unwrap_or(Err(BROKEN))
    }
}

const BROKEN: ProviderError = ProviderError::Unavailable { cause: Outage::Broken, retry_after: None };

async fn read_on(source: Connected, mut asked: mpsc::Receiver<Ask>, most: usize) {
    let calls = Arc::new(Semaphore::new(CALLS));
    // Take the permit before the requests. While all calls are in progress, further requests gather in the channel, and the
    // next call takes all of them.
    while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
        let mut batch = Vec::new();
        if asked.recv_many(&mut batch, most).await == 0 {
            return;
        }
        // In a task of its own: the runtime may cancel a refetch at any moment, and that must not cancel the others of its
        // batch. In the existing crates for batching, the caller that completes a batch loads it.
        tokio::spawn(read(Arc::clone(&source), batch, call));
    }
}

async fn read(source: Connected, mut batch: Vec<Ask>, _call: OwnedSemaphorePermit) {
    // A request whose caller has given up is left out.
    batch.retain(|ask| !ask.reply.is_closed());
    let ids: Vec<String> = batch.iter().map(|ask| ask.id.clone()).collect();
    match fetch_many(&source, &ids).await {
        Ok(records) => {
            let mut records = records.into_iter();
            batch.into_iter().for_each(|ask| ask.answer(Ok(records.next())));
        }
        // With a call of its own for each, only the record that is at fault fails.
        Err(error) if batch.len() > 1 && one_record_may_be_the_cause(&error) => {
            let mut alone: JoinSet<()> =
                batch.into_iter().map(|ask| read_alone(Arc::clone(&source), ask)).collect();
            while alone.join_next().await.is_some() {}
        }
        Err(error) => batch.into_iter().for_each(|ask| ask.answer(Err(error.clone()))),
    }
}

async fn fetch_many(source: &Connected, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
    match source.batches() {
        Some(batches) => batches.fetch_many(ids).await,
        None => Err(ProviderError::WHOLE_REPLY_MALFORMED),
    }
}

async fn read_alone(source: Connected, ask: Ask) {
    let records = fetch_many(&source, std::slice::from_ref(&ask.id)).await;
    ask.answer(records.map(|records| records.into_iter().next()));
}

impl Ask {
    fn answer(self, record: Result<Option<Fetched>, ProviderError>) {
        // A missing record in the source's reply counts as a malformed reply.
        let record = record.and_then(|record| record.ok_or(ProviderError::WHOLE_REPLY_MALFORMED));
        let _ = self.reply.send(record);
    }
}

fn one_record_may_be_the_cause(error: &ProviderError) -> bool {
    match error {
        ProviderError::Invalid { .. }
        | ProviderError::Refused { .. }
        | ProviderError::Malformed { .. }
        | ProviderError::Unreadable { .. }
        | ProviderError::TooLarge { .. }
        | ProviderError::Unusable { .. } => true,
        ProviderError::Unavailable { cause, .. } => matches!(cause, Outage::ServerError | Outage::Timeout),
        ProviderError::Unauthorized | ProviderError::RateLimited { .. } => false,
    }
}

#[cfg(test)]
mod tests;
