//! Tests of the batches.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use connectors::{Origin, RecordEvent, Records, UnreadableEvent};
use event_contract::Envelope;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// A CRM whose calls wait until the test lets them continue.
struct GatedCrm {
    calls: Mutex<Vec<Vec<String>>>,
    arrived: Semaphore,
    gate: Semaphore,
}

impl GatedCrm {
    /// Waits until one more call has arrived.
    async fn next_call(&self) {
        timeout(Duration::from_secs(30), self.arrived.acquire()).await.unwrap().unwrap().forget();
    }

    fn let_go(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Records for GatedCrm {
    fn read_event(&self, _: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
        Ok(RecordEvent::Everything)
    }

    async fn fetch(&self, _: &str, _: Option<&str>) -> Result<Fetched, ProviderError> {
        Err(SERVER_ERROR)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    fn batches(&self) -> Option<&dyn connectors::Batches> {
        Some(self)
    }
}

#[async_trait]
impl connectors::Batches for GatedCrm {
    fn most(&self) -> usize {
        200
    }

    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        self.calls.lock().unwrap().push(ids.to_vec());
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        if ids.iter().any(|id| id == "broken") {
            return Err(SERVER_ERROR);
        }
        if ids.iter().any(|id| id == "limited") {
            return Err(ProviderError::RateLimited { retry_after: Duration::from_secs(7) });
        }
        Ok(ids.iter().filter(|id| *id != "unanswered").map(|id| gone(id)).collect())
    }
}

const SERVER_ERROR: ProviderError =
    ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

/// An answer that shows the ID that it is for.
fn gone(id: &str) -> Fetched {
    Fetched::Gone { merged_into: Some(id.to_owned()) }
}

struct Asking {
    crm: Arc<GatedCrm>,
    batches: Arc<Batches>,
}

impl Asking {
    /// Starts as many calls as may run at once, so that further requests gather in a batch.
    async fn with_all_calls_under_way() -> Self {
        let crm = GatedCrm { calls: Mutex::default(), arrived: Semaphore::new(0), gate: Semaphore::new(0) };
        let crm = Arc::new(crm);
        let asking = Self { batches: Arc::new(Batches::start(Arc::clone(&crm) as Connected)), crm };
        for _ in 0..CALLS {
            asking.ask("early").await;
            asking.crm.next_call().await;
        }
        asking
    }

    /// Requests a contact in a task of its own, and returns when that task waits for its answer.
    async fn ask(&self, id: &'static str) -> JoinHandle<Answer> {
        let batches = Arc::clone(&self.batches);
        let asked = tokio::spawn(async move { batches.fetch(id).await });
        // The test has one thread: the new task runs until it waits for its answer.
        tokio::task::yield_now().await;
        asked
    }
}

async fn answered(asked: JoinHandle<Answer>) -> Answer {
    timeout(Duration::from_secs(30), asked).await.unwrap().unwrap()
}

#[tokio::test]
async fn requests_during_other_calls_are_answered_by_one_call() {
    let asking = Asking::with_all_calls_under_way().await;
    let asked = [asking.ask("c").await, asking.ask("d").await, asking.ask("e").await];
    assert_eq!(asking.crm.calls().len(), CALLS, "no further call runs at the same time");
    asking.crm.let_go(CALLS + 1);
    for (asked, id) in asked.into_iter().zip(["c", "d", "e"]) {
        assert_eq!(answered(asked).await, Ok(gone(id)));
    }
    assert_eq!(asking.crm.calls()[CALLS..], [["c", "d", "e"]]);
}

#[tokio::test]
async fn one_unreadable_contact_fails_alone() {
    let asking = Asking::with_all_calls_under_way().await;
    let (well, broken) = (asking.ask("c").await, asking.ask("broken").await);
    asking.crm.let_go(CALLS + 3);
    assert_eq!(answered(well).await, Ok(gone("c")));
    assert_eq!(answered(broken).await, Err(SERVER_ERROR));
}

#[tokio::test]
async fn a_rate_limit_fails_the_whole_batch_without_further_calls() {
    let asking = Asking::with_all_calls_under_way().await;
    let asked = [asking.ask("c").await, asking.ask("limited").await];
    asking.crm.let_go(CALLS + 3);
    for asked in asked {
        assert!(matches!(answered(asked).await, Err(ProviderError::RateLimited { .. })));
    }
    assert_eq!(asking.crm.calls().len(), CALLS + 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_cancels_no_other_caller() {
    let asking = Asking::with_all_calls_under_way().await;
    let (given_up, other) = (asking.ask("c").await, asking.ask("d").await);
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    asking.crm.let_go(CALLS + 1);
    assert_eq!(answered(other).await, Ok(gone("d")));
    assert_eq!(asking.crm.calls()[CALLS..], [["d"]]);
}

#[tokio::test]
async fn a_contact_missing_from_the_reply_is_an_error() {
    let asking = Asking::with_all_calls_under_way().await;
    let (answer, none) = (asking.ask("c").await, asking.ask("unanswered").await);
    asking.crm.let_go(CALLS + 1);
    assert_eq!(answered(answer).await, Ok(gone("c")));
    assert_eq!(answered(none).await, Err(ProviderError::WHOLE_REPLY_MALFORMED));
}
