//! A stub of SQS and EventBridge for tests and benchmarks. It costs little CPU, even with deep queues. It has no FIFO queues,
//! delays, permissions, throttling or rules: an announced event reaches no queue but the tap. It passes the conformance suite
//! of queues (`tests/it/fast_aws.rs`). It must not know any worker.
//!
//! No existing emulator fits. MiniStack scans a queue for every receive and delete, so a benchmark would measure the queue's
//! depth. fauxqs is fast, but has no EventBridge and listens on every interface.

mod event_bridge;
mod queue;
mod sqs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

use queue::Queue;

const ACCOUNT: &str = "000000000000";

/// A stub on a loopback port. Clones share it.
#[derive(Clone)]
pub struct FastAws {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: String,
    state: Mutex<AwsState>,
}

#[derive(Default)]
struct AwsState {
    queues: BTreeMap<String, Queue>,
    buses: BTreeSet<String>,
    events: Vec<PublishedEvent>,
    /// The queue that gets a copy of every event of a source: the source, and the queue's name.
    tap: Option<(String, String)>,
    calls: BTreeMap<String, usize>,
}

/// An event that `PutEvents` accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedEvent {
    /// The sender that the entry names.
    pub source: String,
    /// The kind of event within its source.
    pub detail_type: String,
    /// JSON.
    pub detail: String,
}

/// A deleted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was sent.
    pub sent_at: Instant,
    /// When it was deleted.
    pub deleted_at: Instant,
}

struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::new("SerializationException", error.to_string())
    }
}

impl FastAws {
    /// Starts a stub on a free loopback port, with neither queues nor buses.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let stub = Self { shared: Arc::new(Shared { endpoint, state: Mutex::default() }) };
        let router = Router::new().fallback(answer).with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stub
    }

    /// The endpoint for AWS clients.
    pub fn endpoint(&self) -> &str {
        &self.shared.endpoint
    }

    /// Makes a bus.
    pub fn create_bus(&self, name: &str) {
        self.lock().buses.insert(name.to_owned());
    }

    /// Makes a queue with a dead-letter queue `<name>-dlq`, and returns both URLs.
    pub fn create_queue(&self, name: &str, visibility: Duration, max_receive_count: u32) -> (String, String) {
        let dead_letters = format!("{name}-dlq");
        let mut state = self.lock();
        state.queues.insert(dead_letters.clone(), Queue::new(&dead_letters, visibility, None));
        let redrive = Some((dead_letters.clone(), max_receive_count));
        state.queues.insert(name.to_owned(), Queue::new(name, visibility, redrive));
        (self.url(name), self.url(&dead_letters))
    }

    /// Puts a copy of every event of `source` onto a queue from now on, in EventBridge's envelope: a rule with one target.
    pub fn tap(&self, source: &str, queue: &str) {
        self.lock().tap = Some((source.to_owned(), queue.to_owned()));
    }

    /// Sends messages to a queue at one moment, past the protocol.
    pub fn send(&self, queue: &str, bodies: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        let queue = state.queues.get_mut(queue).expect("the queue was created");
        let now = Instant::now();
        bodies.into_iter().for_each(|body| drop(queue.send(body, None, now)));
    }

    /// Messages of a queue: those that wait, and those in flight.
    pub fn depth(&self, queue: &str) -> (usize, usize) {
        self.lock().queues.get_mut(queue).expect("the queue was created").depth(Instant::now())
    }

    /// The deletions of a queue, in order, without the first `skip`.
    pub fn deletions(&self, queue: &str, skip: usize) -> Vec<Deletion> {
        let state = self.lock();
        let queue = state.queues.get(queue).expect("the queue was created");
        queue.deletions.iter().skip(skip).copied().collect()
    }

    /// How many messages of a queue were deleted.
    pub fn deleted(&self, queue: &str) -> usize {
        self.lock().queues.get(queue).expect("the queue was created").deletions.len()
    }

    /// The events that were announced, in order, without the first `skip`.
    pub fn events(&self, skip: usize) -> Vec<PublishedEvent> {
        self.lock().events.iter().skip(skip).cloned().collect()
    }

    /// How many events were announced.
    pub fn event_count(&self) -> usize {
        self.lock().events.len()
    }

    /// Calls so far, by operation.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.lock().calls.clone()
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.shared.endpoint)
    }

    fn lock(&self) -> MutexGuard<'_, AwsState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AwsState {
    fn count(&mut self, operation: &str) {
        match self.calls.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                self.calls.insert(operation.to_owned(), 1);
            }
        }
    }

    /// The queue that a request's URL names, and the waker of its long polls.
    fn queue(&mut self, url: &str) -> Result<(&mut Queue, Arc<Notify>), Refusal> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let queue = self.queues.get_mut(name).ok_or_else(|| {
            Refusal::new("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
        })?;
        let arrivals = Arc::clone(&queue.arrivals);
        Ok((queue, arrivals))
    }
}

async fn answer(State(stub): State<FastAws>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    stub.lock().count(operation);
    let (kind, answered) = match service {
        "AmazonSQS" => ("application/x-amz-json-1.0", sqs::answer(&stub, operation, &body).await),
        "AWSEvents" => ("application/x-amz-json-1.1", event_bridge::answer(&stub, operation, &body)),
        _ => ("application/x-amz-json-1.0", Err(unknown(target))),
    };
    let (status, body) = match answered {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal { code, message }) => {
            let body = serde_json::json!({ "__type": code, "message": message });
            (StatusCode::BAD_REQUEST, body.to_string().into_bytes())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    response
}

fn unknown(operation: &str) -> Refusal {
    Refusal::new("UnknownOperationException", format!("the stub does not know {operation:?}"))
}

fn json(reply: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    Ok(serde_json::to_vec(reply)?)
}
