//! A CRM in a few lines: issues tokens, keeps its requests, and answers as the test says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path: `PATCH /services/data/…`.
    pub(crate) line: String,
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
        let api = move |request: Request| async move {
            let request = read(request).await;
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(request.clone());
                kept.len()
            };
            answer(number, &request)
        };
        let token = || async { axum::Json(json!({"access_token": "tok-of-the-day"})) };
        let router = Router::new().route("/services/oauth2/token", post(token)).fallback(api);
        Self { url: serve(router).await, asked }
    }

    /// All requests until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves on a free port.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn read(request: Request) -> Asked {
    let line = format!("{} {}", request.method(), request.uri().path());
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query = query.into_owned().find(|(name, _)| name == "q").map(|(_, value)| value).unwrap_or_default();
    let body = axum::body::to_bytes(request.into_body(), 1024 * 1024).await.unwrap();
    Asked { line, query, body: serde_json::from_slice(&body).unwrap_or_default() }
}

/// A reply of this status with this JSON.
pub(crate) fn reply(status: u16, body: &Value) -> Response {
    Response::builder().status(status).body(body.to_string()).unwrap().into_response()
}
