//! Stands between a worker and the AWS emulator: holds, answers and counts calls, and records requests and replies. It must not
//! know what a call means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A proxy in front of one emulator. Clones share it.
#[derive(Clone)]
pub struct AwsProxy {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: String,
    upstream: String,
    http: reqwest::Client,
    state: Mutex<ProxyState>,
}

#[derive(Default)]
struct ProxyState {
    calls: HashMap<String, usize>,
    holds: HashMap<String, watch::Receiver<Held>>,
    answers: HashMap<String, Answer>,
    transcript: Vec<u8>,
}

struct Answer {
    left: usize,
    status: StatusCode,
    body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Waiting,
    Released,
    Lost,
}

/// Holds calls of one operation until it is released or dropped. A held call has not reached the emulator.
pub struct Hold {
    release: watch::Sender<Held>,
    operation: String,
    proxy: AwsProxy,
}

impl AwsProxy {
    /// Starts a proxy on a free loopback port.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let http = reqwest::Client::new();
        let state = Mutex::default();
        let proxy =
            Self { shared: Arc::new(Shared { endpoint, upstream: upstream.to_owned(), http, state }) };
        let router = Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    /// Another proxy in front of the same emulator, for a worker whose calls a test counts separately.
    pub async fn another(&self) -> Self {
        Self::start(&self.shared.upstream).await
    }

    /// The value for the worker's `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.shared.endpoint
    }

    /// Calls of an operation such as `DeleteMessageBatch` so far, held and failed ones included.
    pub fn calls(&self, operation: &str) -> usize {
        self.lock().calls.get(operation).copied().unwrap_or(0)
    }

    /// Holds all calls of an operation from now on.
    pub fn hold(&self, operation: &str) -> Hold {
        let (release, held) = watch::channel(Held::Waiting);
        self.lock().holds.insert(operation.to_owned(), held);
        Hold { release, operation: operation.to_owned(), proxy: self.clone() }
    }

    /// Answers the next `times` calls of an operation with a throttle, without passing them on.
    pub fn throttle(&self, operation: &str, times: usize) {
        let body = r#"{"__type":"ThrottlingException","message":"a test asked for it"}"#;
        self.answer(operation, times, 400, body);
    }

    /// Answers the next `times` calls of an operation with `status` and `body`, without passing them on.
    pub fn answer(&self, operation: &str, times: usize, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).expect("a status of HTTP");
        let answer = Answer { left: times, status, body: body.to_owned() };
        self.lock().answers.insert(operation.to_owned(), answer);
    }

    /// Whether a request or reply so far contains a text.
    pub fn transcript_contains(&self, text: &str) -> bool {
        let state = self.lock();
        state.transcript.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, ProxyState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(
        &self,
        operation: &str,
        body: &[u8],
    ) -> (Option<watch::Receiver<Held>>, Option<Response<Body>>) {
        let mut state = self.lock();
        *state.calls.entry(operation.to_owned()).or_default() += 1;
        state.transcript.extend_from_slice(body);
        let held = state.holds.get(operation).cloned();
        let answer = state.answers.get_mut(operation).filter(|answer| answer.left > 0).map(|answer| {
            answer.left -= 1;
            reply(answer.status, answer.body.clone().into_bytes())
        });
        (held, answer)
    }
}

impl Hold {
    /// Passes on the held calls and all later ones.
    pub fn release(self) {}

    /// Passes on all later calls. The held ones never reach the emulator.
    pub fn lose(self) {
        // Their process has ended, though the proxy may not have noticed yet.
        let _ = self.release.send(Held::Lost);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.proxy.lock().holds.remove(&self.operation);
        // Lost calls stay lost.
        self.release.send_if_modified(|held| {
            let waiting = *held == Held::Waiting;
            if waiting {
                *held = Held::Released;
            }
            waiting
        });
    }
}

async fn forward(State(proxy): State<AwsProxy>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    // AWS's JSON protocols name the operation in this header.
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let (held, answer) = proxy.arrive(operation, &body);
    if let Some(mut held) = held {
        // If the sender was dropped, the call is released too.
        let ended = held.wait_for(|held| *held != Held::Waiting).await.map(|held| *held);
        if matches!(ended, Ok(Held::Lost)) {
            return reply(StatusCode::SERVICE_UNAVAILABLE, Vec::new());
        }
    }
    if let Some(answer) = answer {
        return answer;
    }
    let url = format!("{}{uri}", proxy.shared.upstream);
    let mut headers = headers;
    // The client sets the emulator's own.
    headers.remove("host");
    match proxy.shared.http.post(url).headers(headers).body(body).send().await {
        Ok(answer) => {
            let status = answer.status();
            let kind = answer.headers().get("content-type").cloned();
            let body = answer.bytes().await.unwrap_or_default();
            proxy.lock().transcript.extend_from_slice(&body);
            let mut response = reply(status, body.to_vec());
            if let Some(kind) = kind {
                response.headers_mut().insert("content-type", kind);
            }
            response
        }
        Err(_) => reply(StatusCode::BAD_GATEWAY, Vec::new()),
    }
}

fn reply(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = axum::http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert("content-type", json);
    response
}
