//! A bad network, from a seed: a reverse proxy that delays requests and replies, loses them, and fails them. In: requests for
//! the server behind the proxy. Out: its replies, late, out of order, or not at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_millis(40);
const VERY_LONG: Duration = Duration::from_millis(600);

// Share of the requests that fail before they are sent; the same share fails after the answer. If it were much larger, breakers
// would limit the workers to one request at a time, and few messages could overtake others.
const FAILURES: f64 = 0.005;

/// Random faults from a seed. Clones share one generator.
#[derive(Clone)]
pub struct Chaos {
    rng: Arc<Mutex<StdRng>>,
}

#[derive(Clone)]
struct Proxy {
    chaos: Chaos,
    upstream: String,
    http: reqwest::Client,
}

impl Chaos {
    /// Faults that are the same for the same seed and the same order of calls.
    pub fn new(seed: u64) -> Self {
        Self { rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// Draws `true` with this probability.
    pub fn happens(&self, probability: f64) -> bool {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_bool(probability)
    }

    /// A number below `limit`.
    pub fn below(&self, limit: usize) -> usize {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..limit)
    }

    /// Waits as long as a bad network takes: usually not at all, often up to 40 ms, sometimes up to 0.6 s.
    pub async fn delay(&self) {
        if self.happens(0.4) {
            let longest = if self.happens(0.2) { VERY_LONG } else { LONG };
            self.pass_up_to(longest).await;
        }
    }

    /// Waits a random time, at most `longest`.
    pub async fn pass_up_to(&self, longest: Duration) {
        let share = self.below(1000) as u32;
        tokio::time::sleep(longest * share / 1000).await;
    }

    /// Puts a proxy with faults in front of a server, and returns the proxy's base URL.
    pub async fn in_front_of(&self, upstream: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let http = reqwest::Client::new();
        let proxy = Proxy { chaos: self.clone(), upstream: upstream.to_owned(), http };
        let router = Router::new().fallback(forward).with_state(proxy);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }
}

async fn forward(
    State(proxy): State<Proxy>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    proxy.chaos.delay().await;
    if proxy.chaos.happens(FAILURES) {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    }
    // The client sets the server's own.
    headers.remove("host");
    let url = format!("{}{uri}", proxy.upstream);
    let Ok(reply) = proxy.http.request(method, url).headers(headers).body(body).send().await else {
        return status(StatusCode::BAD_GATEWAY);
    };
    let (code, headers) = (reply.status(), reply.headers().clone());
    let body = reply.bytes().await.unwrap_or_default();
    // The server has made the reply, so a delayed reply may be out of date when it arrives.
    proxy.chaos.delay().await;
    // The server has done what the request asked for, and the caller does not learn of it.
    if proxy.chaos.happens(FAILURES) {
        return status(StatusCode::GATEWAY_TIMEOUT);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    *response.headers_mut() = headers;
    // The body was read as a whole.
    response.headers_mut().remove("transfer-encoding");
    response
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}
