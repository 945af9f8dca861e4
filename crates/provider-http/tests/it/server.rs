//! A provider in a few lines: one handler for the API, one for tokens, and a record of what arrived.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
pub(crate) use provider_http::test_server::reply;
use provider_http::test_server::serve;
use provider_http::{Auth, ProviderHttp, ProviderHttpConfig};
use url::Url;

pub(crate) const SECRET: &str = "s3cret-of-the-client";

/// What arrived at the API.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) requests: AtomicUsize,
    pub(crate) mints: AtomicUsize,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    pub(crate) lines: Mutex<Vec<String>>,
}

impl Seen {
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn mints(&self) -> usize {
        self.mints.load(Ordering::SeqCst)
    }
}

/// A running server; `answer` gets each API request with its number, from 1.
pub(crate) struct Server {
    pub(crate) url: Url,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    pub(crate) async fn start<F, R>(answer: F) -> Self
    where
        F: Fn(usize, Request) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        Self::start_with_tokens(answer, |n| {
            axum::Json(serde_json::json!({"access_token": format!("token-{n}"), "expires_in": 600}))
                .into_response()
        })
        .await
    }

    /// As [`Self::start`], with the token endpoint's own answers, numbered from 1.
    pub(crate) async fn start_with_tokens<F, R, T>(answer: F, token: T) -> Self
    where
        F: Fn(usize, Request) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
        T: Fn(usize) -> Response + Clone + Send + Sync + 'static,
    {
        let seen = Arc::new(Seen::default());
        let (api_seen, token_seen) = (Arc::clone(&seen), Arc::clone(&seen));
        let mint = move || async move { token(token_seen.mints.fetch_add(1, Ordering::SeqCst) + 1) };
        let api = move |request: Request| async move {
            let number = api_seen.requests.fetch_add(1, Ordering::SeqCst) + 1;
            api_seen.lines.lock().unwrap().push(request.uri().to_string());
            let in_flight = api_seen.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            api_seen.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
            let reply = answer(number, request).await;
            api_seen.in_flight.fetch_sub(1, Ordering::SeqCst);
            reply
        };
        let router = Router::new().route("/oauth/token", post(mint)).fallback(api);
        Self { url: serve(router).await.parse().unwrap(), seen }
    }

    /// A client that mints tokens at this server.
    pub(crate) fn client(&self) -> ProviderHttp {
        ProviderHttp::new(self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> ProviderHttpConfig {
        let auth = Auth::ClientCredentials {
            token_url: self.url.join("/oauth/token").unwrap(),
            client_id: "coppice".into(),
            client_secret: SECRET.into(),
            audience: Some("https://idp.example/api/v2/".into()),
            scope: None,
            in_header: false,
        };
        let mut config = ProviderHttpConfig::new("idp", self.url.clone(), auth);
        config.timeout = Duration::from_millis(500);
        config
    }
}

/// The whole body of a request.
pub(crate) async fn body_of(request: Request) -> axum::body::Bytes {
    axum::body::to_bytes(request.into_body(), 64 * 1024).await.unwrap()
}
