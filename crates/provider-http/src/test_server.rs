//! Servers for the tests of clients: each gives every request the same answer, and issues tokens where a vendor does.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Where the vendors issue tokens.
const TOKENS: [&str; 4] =
    ["/oauth/token", "/oauth2/v1/token", "/services/oauth2/token", "/{tenant}/oauth2/v2.0/token"];

/// The token that every server here issues.
pub const ISSUED_TOKEN: &str = "tok-of-the-day";

/// An address without a server, for calls that need no network.
pub const NOWHERE: &str = "http://127.0.0.1:9";

/// Serves on a free port. Returns the URL.
///
/// # Panics
/// When no port is free.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Issues tokens; `answer` gets every other request.
pub async fn answering_with<F, R>(answer: F) -> String
where
    F: Fn(Request) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let token = || async { axum::Json(json!({"access_token": ISSUED_TOKEN, "expires_in": 600})) };
    let router = TOKENS.iter().fold(Router::new(), |router, path| router.route(path, post(token)));
    serve(router.fallback(answer)).await
}

/// A server that gives every request this answer.
pub async fn answering(status: u16, headers: &[(&'static str, &'static str)], body: impl ToString) -> String {
    let (headers, body) = (headers.to_vec(), body.to_string());
    answering_with(move |_| std::future::ready(reply(status, &headers, &body))).await
}

/// A server that takes every request and never answers.
pub async fn silent() -> String {
    answering_with(|_| async { pending::<Infallible>().await.into_response() }).await
}

/// A reply of this status, headers and body.
///
/// # Panics
/// When a header is none.
pub fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(body.to_owned().into()).expect("status and headers are valid")
}

/// The requests that a server got, without those for tokens.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<Mutex<Vec<axum::http::Request<Bytes>>>>);

impl Asked {
    /// Takes something from each request.
    pub fn each<T>(&self, take: impl Fn(&axum::http::Request<Bytes>) -> T) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(take).collect()
    }

    /// These requests, and then those of another server.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(other.each(Clone::clone));
        self
    }

    /// The paths with their queries.
    pub fn paths(&self) -> Vec<String> {
        self.each(|request| request.uri().to_string())
    }

    /// The bodies.
    ///
    /// # Panics
    /// When one is no JSON.
    pub fn bodies(&self) -> Vec<Value> {
        self.each(|request| serde_json::from_slice(request.body()).expect("the client sends JSON"))
    }

    /// The values of this header, one for each request.
    ///
    /// # Panics
    /// When a request lacks it.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.each(|request| request.headers()[name].to_str().expect("a header of text").to_owned())
    }
}

/// A server that gives every request this record, and keeps the requests.
pub async fn noting(record: Value) -> (String, Asked) {
    let asked = Asked::default();
    let kept = asked.clone();
    let url = answering_with(move |request: Request| {
        let (kept, record) = (kept.clone(), record.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            let request = axum::http::Request::from_parts(head, body);
            kept.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            axum::Json(record).into_response()
        }
    });
    (url.await, asked)
}

/// One module for each client in scope, with one test for each promise in scope: a promise is an `async fn` that takes the
/// function that makes the client.
#[macro_export]
macro_rules! client_conformance {
    ([$($client:ident),+] $promises:tt) => {
        $($crate::client_conformance!(@one $client $promises);)+
    };
    (@one $client:ident { $($promise:ident),+ $(,)? }) => {
        mod $client {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::$client).await;
                }
            )+
        }
    };
}
