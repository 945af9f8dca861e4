//! A server that answers every call with the reply it was given, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use sqs_queue::SqsQueue;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use local_stack::aws_config;

/// One fixed reply, on a port of its own.
pub(crate) struct Stub {
    endpoint: String,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stub {
    /// Answers 200 with this JSON.
    pub(crate) async fn replying(body: &'static str) -> Self {
        Self::answering(200, HeaderMap::new(), body).await
    }

    /// Answers with an error in SQS's JSON protocol; `query_error` is the old protocol's name for it.
    pub(crate) async fn failing(status: u16, code: &'static str, query_error: Option<&'static str>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(query_error) = query_error {
            headers.insert("x-amzn-query-error", HeaderValue::from_static(query_error));
        }
        headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
        Self::answering(status, headers, r#"{"message":"Value AQEBsecret for parameter ReceiptHandle"}"#)
            .await
    }

    async fn answering(status: u16, headers: HeaderMap, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let status = StatusCode::from_u16(status).expect("a status");
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let reply = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready((status, headers.clone(), body))
        };
        let app = Router::new().fallback(reply);
        let server =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("serves until aborted") });
        Self { endpoint, calls, server }
    }

    /// The real client, calling this server.
    pub(crate) fn queue(&self) -> SqsQueue {
        SqsQueue::connect(&aws_config(&self.endpoint), format!("{}/1/q", self.endpoint))
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}
