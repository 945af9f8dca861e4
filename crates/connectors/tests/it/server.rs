//! A CRM in a few lines: issues tokens, keeps its requests, and answers as the test says.

use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use provider_http::test_server::answering_with;
use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path: `PATCH /services/data/…`.
    pub(crate) line: String,
    /// Path and query.
    pub(crate) uri: String,
    /// The query parameter `q`, decoded.
    pub(crate) query: String,
    pub(crate) body: Value,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one; `answer` gets each request of the API, and its number from 1.
    pub(crate) async fn start<F>(answer: F) -> Self
    where
        F: Fn(usize, &Asked) -> Response + Clone + Send + Sync + 'static,
    {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let api = move |request: Request| {
            let (kept, answer) = (Arc::clone(&kept), answer.clone());
            async move {
                let request = read(request).await;
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request.clone());
                    kept.len()
                };
                answer(number, &request)
            }
        };
        Self { url: answering_with(api).await, asked }
    }

    /// All requests until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(request: Request) -> Asked {
    let line = format!("{} {}", request.method(), request.uri().path());
    let uri = request.uri().to_string();
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query = query.into_owned().find(|(name, _)| name == "q").map(|(_, value)| value).unwrap_or_default();
    let body = axum::body::to_bytes(request.into_body(), 1024 * 1024).await.unwrap();
    Asked { line, uri, query, body: serde_json::from_slice(&body).unwrap_or_default() }
}

/// A reply of this status with this JSON.
pub(crate) fn reply(status: u16, body: &Value) -> Response {
    Response::builder().status(status).body(body.to_string()).unwrap().into_response()
}
