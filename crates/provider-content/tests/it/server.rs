//! Servers that give every request the same answer, and keep the requests.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// A server that gives every request the same answer.
pub(crate) async fn server<F, R>(answer: F) -> String
where
    F: Fn() -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    listen(Router::new().fallback(answer)).await
}

/// A server that gives every request this answer.
pub(crate) async fn answering(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: impl ToString,
) -> String {
    let body = body.to_string();
    server(move || {
        let body = body.clone();
        async move {
            let mut reply = Response::builder().status(status);
            for (name, value) in headers {
                reply = reply.header(*name, *value);
            }
            reply.body(body).unwrap().into_response()
        }
    })
    .await
}

/// The requests of a client: the path with its query, the headers, and the body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<Request<Bytes>>>>);

impl Asked {
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|request| request.uri().to_string()).collect()
    }

    /// The bodies, which are JSON.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.0.lock().unwrap().iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect()
    }

    /// The values of this header, one for each request.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let value = |request: &Request<Bytes>| request.headers()[name].to_str().unwrap().to_owned();
        self.0.lock().unwrap().iter().map(value).collect()
    }
}

/// A server that gives every request this record, and keeps the requests.
pub(crate) async fn noting(record: Value) -> (String, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let answer = async move |request: Request<axum::body::Body>| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        noted.0.lock().unwrap().push(Request::from_parts(head, body));
        axum::Json(record)
    };
    (listen(Router::new().fallback(answer)).await, asked)
}

pub(crate) async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}
