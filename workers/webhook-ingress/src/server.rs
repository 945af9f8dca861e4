//! The HTTP side: what is looked at, in which order, and who answers.
//!
//! In: requests of anybody. Out: events of providers. What costs little is looked at first; a body is read only for an
//! enabled provider, and parsed only once it is authentic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::error_handling::HandleErrorLayer;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{BoxError, Router};
use event_bus::EventBus;
use metrics::{counter, histogram};
use serde::Serialize;
use time::OffsetDateTime;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::load_shed::error::Overloaded;
use tower::timeout::TimeoutLayer;

use crate::bodies::events;
use crate::intake::{Intake, Safe};
use crate::provider::Provider;
use crate::rate::Rate;
use crate::reply::Reply;
use crate::schemes::{Disbelief, Signed};
use crate::secrets::Secrets;
use crate::settings::{IngressSettings, PublicUrl};

/// Largest body. Providers' largest, a batch of a hundred events, is a tenth of it.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Largest challenge that is answered.
const MAX_CHALLENGE_BYTES: usize = 1024;

/// The label of requests for nobody: what stands in the path is no label.
const NOBODY: &str = "none";

struct Shared<B> {
    intake: Intake<B>,
    public_url: PublicUrl,
    publish_limit: Duration,
    providers: BTreeMap<&'static str, Enabled>,
}

struct Enabled {
    provider: Provider,
    secrets: Secrets,
    rate: Rate,
}

/// The whole HTTP side.
pub fn router<B: EventBus>(settings: IngressSettings, intake: Intake<B>) -> Router {
    let IngressSettings { public_url, providers, limits } = settings;
    let enabled = |(provider, secrets): (Provider, Secrets)| {
        let rate = Rate::new(limits.requests_per_second, Instant::now());
        (provider.name(), Enabled { provider, secrets, rate })
    };
    let providers = providers.into_iter().map(enabled).collect();
    let shared = Shared { intake, public_url, publish_limit: limits.publish, providers };
    let limited = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(shed))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(limits.requests))
        .layer(TimeoutLayer::new(limits.request));
    Router::new()
        .route("/webhooks/{provider}", get(challenge::<B>).post(receive::<B>))
        .fallback(async || counted(NOBODY, Reply::NotFound))
        .method_not_allowed_fallback(async || counted(NOBODY, Reply::Method))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(limited)
        .with_state(Arc::new(shared))
}

/// What the limits refuse before a handler sees it.
async fn shed(error: BoxError) -> Reply {
    counted(NOBODY, if error.is::<Overloaded>() { Reply::Busy } else { Reply::TooSlow })
}

fn counted(provider: &'static str, reply: Reply) -> Reply {
    counter!("coppice_webhooks_total", "provider" => provider, "reply" => reply.word()).increment(1);
    tracing::debug!(provider, reply = reply.word(), "webhook answered");
    reply
}

async fn receive<B: EventBus>(
    State(shared): State<Arc<Shared<B>>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Reply {
    let started = Instant::now();
    let Some(enabled) = shared.enabled(name) else { return counted(NOBODY, Reply::UnknownProvider) };
    let provider = enabled.provider.name();
    let reply = shared.take(enabled, request).await.unwrap_or_else(|refusal| refusal);
    histogram!("coppice_webhook_seconds", "provider" => provider).record(started.elapsed().as_secs_f64());
    counted(provider, reply)
}

impl<B: EventBus> Shared<B> {
    fn enabled(&self, name: Result<Path<String>, PathRejection>) -> Option<&Enabled> {
        self.providers.get(name.ok()?.0.as_str())
    }

    async fn take(&self, enabled: &Enabled, request: Request) -> Result<Reply, Reply> {
        if !enabled.rate.admits(Instant::now()) {
            return Err(Reply::TooMany);
        }
        check_form(request.headers())?;
        let (method, uri, headers) =
            (request.method().clone(), request.uri().clone(), request.headers().clone());
        let body = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Reply::TooLarge,
            _ => Reply::Body,
        })?;
        let called = uri.path_and_query().map_or("/", |called| called.as_str());
        let signed = Signed {
            method: method.as_str(),
            url: &format!("{}{called}", self.public_url.base),
            path: &format!("{}{called}", self.public_url.path),
            headers: &headers,
            body: &body,
        };
        let provider = enabled.provider;
        provider.verify(&signed, &enabled.secrets, OffsetDateTime::now_utc()).map_err(
            |error| match error {
                Disbelief::Signature => Reply::Signature,
                Disbelief::Time => Reply::Time,
            },
        )?;
        let named = provider.read(&headers, &body).map_err(|_| Reply::Unreadable)?;
        let events = events(provider, named).map_err(|_| Reply::Unreadable)?;
        if events.is_empty() {
            return Ok(Reply::Nothing);
        }
        match self.intake.accept(events, self.publish_limit).await {
            Ok(Safe::Published) => Ok(Reply::Published),
            Ok(Safe::Stored) => Ok(Reply::Stored),
            Err(_) => Err(Reply::NotSafe),
        }
    }
}

/// JSON, as it is: a body that has to be unpacked first is of no known size, and no provider sends one.
fn check_form(headers: &HeaderMap) -> Result<(), Reply> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let kind = text(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if !json {
        return Err(Reply::ContentType);
    }
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        Ok(())
    } else {
        Err(Reply::Encoding)
    }
}

#[derive(Serialize)]
struct Verification<'a> {
    verification: &'a str,
}

/// Okta asks once whether the hook is ours, without its secret.
/// <https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request>
async fn challenge<B: EventBus>(
    State(shared): State<Arc<Shared<B>>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let Some(enabled) = shared.enabled(name) else {
        return counted(NOBODY, Reply::UnknownProvider).into_response();
    };
    let provider = enabled.provider;
    if provider != Provider::Okta {
        return counted(provider.name(), Reply::Method).into_response();
    }
    if !enabled.rate.admits(Instant::now()) {
        return counted(provider.name(), Reply::TooMany).into_response();
    }
    let given = headers.get("x-okta-verification-challenge").and_then(|value| value.to_str().ok());
    match given.filter(|text| !text.is_empty() && text.len() <= MAX_CHALLENGE_BYTES) {
        Some(verification) => Json(Verification { verification }).into_response(),
        None => counted(provider.name(), Reply::Challenge).into_response(),
    }
}
