//! Contacts that are asked for at the same time, read in one call: a CRM counts calls, and not contacts.
//!
//! In: the IDs of refetches that are under way, one each. Out: what the CRM says of each. Nobody waits for a batch to
//! fill: while calls are under way the next batch gathers by itself. Must not know: which CRM it is.
//!
//! Of our own, because a refetch can be given up at any moment, and must not take the others of its batch with it: the
//! crates for this have the caller who completes a batch load it.

use std::sync::Arc;

use provider_crm::{CrmProvider, FetchedContact, Outage, ProviderError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// The most contacts of one call. Salesforce allows 2,000; a fault costs as many calls as its batch has contacts.
const BATCH: usize = 200;
/// Calls under way at once: a slow one does not hold the next.
const CALLS: usize = 2;

type Fetched = Result<FetchedContact, ProviderError>;

struct Ask {
    id: String,
    reply: oneshot::Sender<Fetched>,
}

/// Where contacts are asked for. Reading ends when this is dropped.
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

    /// The contact as the CRM says it is, by a question that is asked later than now.
    pub(crate) async fn fetch(&self, id: &str) -> Fetched {
        let (reply, answer) = oneshot::channel();
        // Both fail only when the reading panicked: as if the connection had broken.
        self.asks.send(Ask { id: id.to_owned(), reply }).await.map_err(|_| BROKEN)?;
        answer.await.unwrap_or(Err(BROKEN))
    }
}

const BROKEN: ProviderError = ProviderError::Unavailable { cause: Outage::Broken, retry_after: None };

async fn read_on<P: CrmProvider>(provider: Arc<P>, mut asked: mpsc::Receiver<Ask>) {
    let calls = Arc::new(Semaphore::new(CALLS));
    while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
        let mut batch = Vec::new();
        if asked.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        tokio::spawn(read(Arc::clone(&provider), batch, call));
    }
}

/// When a batch cannot be read, each of its contacts is asked for alone: only the one that is to blame fails.
async fn read<P: CrmProvider>(provider: Arc<P>, mut batch: Vec<Ask>, _call: OwnedSemaphorePermit) {
    batch.retain(|ask| !ask.reply.is_closed());
    let ids: Vec<String> = batch.iter().map(|ask| ask.id.clone()).collect();
    match provider.fetch_contacts(&ids).await {
        Ok(contacts) => {
            let mut contacts = contacts.into_iter();
            batch.into_iter().for_each(|ask| ask.answer(Ok(contacts.next())));
        }
        Err(error) if batch.len() > 1 && may_be_of_one(&error) => {
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
    /// A reply with too few contacts is a broken contract. Whoever asked may have given up.
    fn answer(self, contact: Result<Option<FetchedContact>, ProviderError>) {
        let contact =
            contact.and_then(|contact| contact.ok_or(ProviderError::Malformed { line: 0, column: 0 }));
        let _ = self.reply.send(contact);
    }
}

/// Whether a single contact can be the reason.
fn may_be_of_one(error: &ProviderError) -> bool {
    match error {
        ProviderError::Invalid { .. } | ProviderError::Malformed { .. } => true,
        ProviderError::Unavailable { cause, .. } => matches!(cause, Outage::ServerError | Outage::Timeout),
        ProviderError::Unauthorized | ProviderError::RateLimited { .. } => false,
    }
}

#[cfg(test)]
mod tests;
