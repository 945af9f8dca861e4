//! Reads the contacts of concurrent refetches in one call: a CRM limits the number of calls, not of contacts. No caller waits
//! for a batch to fill: while calls are in progress, new requests gather in the next batch. Must not know: which CRM it is.

use std::sync::Arc;

use provider_crm::{CrmProvider, FetchedContact, Outage, ProviderError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// The most contacts of one call. Salesforce allows 2,000, but after a fault the worker reads each contact of the batch
/// with a call of its own.
const BATCH: usize = 200;
/// Concurrent calls: a slow call does not delay the next one.
const CALLS: usize = 2;

type Fetched = Result<FetchedContact, ProviderError>;

struct Ask {
    id: String,
    reply: oneshot::Sender<Fetched>,
}

/// Collects requests for contacts. The reading task ends when this is dropped.
pub(crate) struct Batches {
    asks: mpsc::Sender<Ask>,
}

impl Batches {
    /// Starts to read from `provider`, in a task of the current runtime.
    pub(crate) fn start<P: CrmProvider>(provider: Arc<P>) -> Self {
        let (asks, asked) = mpsc::channel(BATCH);
        tokio::spawn(read_on(provider, asked));
        Self { asks }
    }

    /// The contact in the CRM. The call to the CRM begins after this call.
    pub(crate) async fn fetch(&self, id: &str) -> Fetched {
        let (reply, answer) = oneshot::channel();
        // Both fail only if the reading task has panicked. The caller sees that as a broken connection.
        self.asks.send(Ask { id: id.to_owned(), reply }).await.map_err(|_| BROKEN)?;
        answer.await.unwrap_or(Err(BROKEN))
    }
}

const BROKEN: ProviderError = ProviderError::Unavailable { cause: Outage::Broken, retry_after: None };

async fn read_on<P: CrmProvider>(provider: Arc<P>, mut asked: mpsc::Receiver<Ask>) {
    let calls = Arc::new(Semaphore::new(CALLS));
    // Take the permit before the requests. While all calls are in progress, further requests gather in the channel, and the
    // next call takes all of them.
    while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
        let mut batch = Vec::new();
        if asked.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        // In a task of its own: the runtime may cancel a refetch at any moment, and that must not cancel the others of its
        // batch. In the existing crates for batching, the caller that completes a batch loads it.
        tokio::spawn(read(Arc::clone(&provider), batch, call));
    }
}

async fn read<P: CrmProvider>(provider: Arc<P>, mut batch: Vec<Ask>, _call: OwnedSemaphorePermit) {
    // A request whose caller has given up is left out.
    batch.retain(|ask| !ask.reply.is_closed());
    let ids: Vec<String> = batch.iter().map(|ask| ask.id.clone()).collect();
    match provider.fetch_contacts(&ids).await {
        Ok(contacts) => {
            let mut contacts = contacts.into_iter();
            batch.into_iter().for_each(|ask| ask.answer(Ok(contacts.next())));
        }
        // With a call of its own for each, only the contact that is at fault fails.
        Err(error) if batch.len() > 1 && one_contact_may_be_the_cause(&error) => {
            let mut alone: JoinSet<()> =
                batch.into_iter().map(|ask| read_alone(Arc::clone(&provider), ask)).collect();
            while alone.join_next().await.is_some() {}
        }
        Err(error) => batch.into_iter().for_each(|ask| ask.answer(Err(error.clone()))),
    }
}

async fn read_alone<P: CrmProvider>(provider: Arc<P>, ask: Ask) {
    let contacts = provider.fetch_contacts(std::slice::from_ref(&ask.id)).await;
    ask.answer(contacts.map(|contacts| contacts.into_iter().next()));
}

impl Ask {
    fn answer(self, contact: Result<Option<FetchedContact>, ProviderError>) {
        // A missing contact in the CRM's reply counts as a malformed reply.
        let contact = contact.and_then(|contact| contact.ok_or(ProviderError::WHOLE_REPLY_MALFORMED));
        let _ = self.reply.send(contact);
    }
}

fn one_contact_may_be_the_cause(error: &ProviderError) -> bool {
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
