//! The HTTP side: which checks a request passes, in which order. Cheap checks come first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::Method;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::any;
use config::SourceWebhooks;
use event_bus::EventBus;
use governor::DefaultDirectRateLimiter;
use metrics::{counter, histogram};
use provider_webhook::{ChallengeAnswer, Secrets, SignedRequest, SourceWebhook, VerifyError};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::events::events;
use crate::form::{MAX_BODY_BYTES, check_head, read_body};
use crate::intake::{Intake, Safe};
use crate::rate;
use crate::records::hand_over;
use crate::reply::Reply;
use crate::settings::{IngressSettings, Limits, PublicUrl};

// A path is no label, since anybody can choose it.
pub(crate) const NO_SOURCE: &str = "none";

pub(crate) struct Shared<B> {
    pub(crate) intake: Intake<B>,
    public_url: PublicUrl,
    pub(crate) limits: Limits,
    sources: BTreeMap<String, Enabled>,
    /// Sources that hand their records over, and so send no webhooks.
    pub(crate) handed_over: BTreeMap<String, Enabled>,
}

pub(crate) struct Enabled {
    pub(crate) source: String,
    webhook: SourceWebhook,
    secrets: Secrets,
    rate: DefaultDirectRateLimiter,
    // Places for requests with a body in memory. Each source has its own, so that slow senders to one path do not delay
    // another source.
    pub(crate) room: Semaphore,
}

/// The whole HTTP side.
pub fn router<B: EventBus>(settings: IngressSettings, intake: Intake<B>) -> Router {
    let IngressSettings { public_url, webhooks, limits } = settings;
    let enabled = |SourceWebhooks { source, webhook, secrets, .. }| {
        let rate = rate::per_second(limits.requests_per_second);
        let room = Semaphore::new(limits.requests);
        (source.clone(), Enabled { source, webhook, secrets, rate, room })
    };
    let (handed_over, sources): (Vec<_>, Vec<_>) = webhooks.into_iter().partition(|one| one.is_handed_over);
    let handed_over = handed_over.into_iter().map(enabled).collect();
    let sources = sources.into_iter().map(enabled).collect();
    let shared = Shared { intake, public_url, limits, sources, handed_over };
    Router::new()
        .route("/webhooks/{source}", any(receive::<B>))
        .route("/sources/{source}/records/{id}", any(hand_over::<B>))
        .route("/sources/{source}/records/", any(async || counted(NO_SOURCE, Reply::RecordId)))
        .fallback(async || counted(NO_SOURCE, Reply::NotFound))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(shared))
}

pub(crate) fn counted(source: &str, reply: Reply) -> Reply {
    counter!("coppice_webhooks_total", "source" => source.to_owned(), "reply" => reply.word()).increment(1);
    tracing::debug!(source, reply = reply.word(), "webhook answered");
    reply
}

pub(crate) fn timed(source: &str, started: Instant, reply: Reply) -> Reply {
    histogram!("coppice_webhook_seconds", "source" => source.to_owned())
        .record(started.elapsed().as_secs_f64());
    counted(source, reply)
}

async fn receive<B: EventBus>(
    State(shared): State<Arc<Shared<B>>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let Some(enabled) = shared.enabled(name) else {
        return counted(NO_SOURCE, Reply::UnknownSource).into_response();
    };
    let source = enabled.source.as_str();
    if let Some(answer) = challenge_answer(&enabled.webhook, &request) {
        // Anybody may send a challenge, so it does not count for the rate. It costs no more than a refusal.
        counted(source, if answer.is_some() { Reply::ChallengeAnswered } else { Reply::Challenge });
        return match answer {
            Some(ChallengeAnswer::Json(answer)) => Json(answer).into_response(),
            // A browser must not read the text as a page of ours.
            Some(ChallengeAnswer::Text(answer)) => {
                ([(X_CONTENT_TYPE_OPTIONS, "nosniff")], answer).into_response()
            }
            None => Reply::Challenge.into_response(),
        };
    }
    let reply = match tokio::time::timeout(shared.limits.request, shared.take(enabled, request)).await {
        Ok(taken) => taken.unwrap_or_else(|refusal| refusal),
        Err(_) => Reply::TooSlow,
    };
    timed(source, started, reply).into_response()
}

/// `None`: the request is no challenge. `Some(None)`: it is one that is not answered.
fn challenge_answer(webhook: &SourceWebhook, request: &Request) -> Option<Option<ChallengeAnswer>> {
    webhook.challenge()?.answer(request.method(), request.headers(), request.uri().query())
}

impl<B: EventBus> Shared<B> {
    fn enabled(&self, name: Result<Path<String>, PathRejection>) -> Option<&Enabled> {
        self.sources.get(name.ok()?.0.as_str())
    }

    async fn take(&self, enabled: &Enabled, request: Request) -> Result<Reply, Reply> {
        if request.method() != Method::POST {
            return Err(Reply::Method);
        }
        check_head(request.headers())?;
        // The body is read later, and a provider may sign parts of the head.
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head.clone(), body);
        let webhook = &enabled.webhook;
        if webhook.is_proven_by_head() {
            self.admit(enabled, &head, b"")?;
        }
        // Only now: a body is read only for an enabled provider, and parsed only if it is authentic.
        let _room = enabled.room.try_acquire().map_err(|_| Reply::Busy)?;
        let body = read_body(request, self.limits.body).await?;
        if !webhook.is_proven_by_head() {
            self.admit(enabled, &head, &body)?;
        }
        let records = webhook.read(&head.headers, &body).map_err(|_| Reply::Unreadable)?;
        let events = events(&enabled.source, records).map_err(|_| Reply::Unreadable)?;
        if events.is_empty() {
            return Ok(Reply::Nothing);
        }
        match self.intake.accept(events, self.limits.publish).await {
            Ok(Safe::Published) => Ok(Reply::Published),
            Ok(Safe::Stored) => Ok(Reply::Stored),
            Err(_) => Err(Reply::NotSafe),
        }
    }

    /// Checks that the request is the provider's and of now, and then that its rate allows one more.
    pub(crate) fn admit(&self, enabled: &Enabled, head: &Parts, body: &[u8]) -> Result<(), Reply> {
        let called = head.uri.path_and_query().map_or("/", |called| called.as_str());
        let signed = SignedRequest {
            method: head.method.as_str(),
            url: &format!("{}{called}", self.public_url.base),
            path: &format!("{}{called}", self.public_url.path),
            headers: &head.headers,
            body,
        };
        enabled.webhook.verify(&signed, &enabled.secrets, OffsetDateTime::now_utc()).map_err(|error| {
            match error {
                VerifyError::Signature => Reply::Signature,
                VerifyError::Time => Reply::Time,
            }
        })?;
        // The rate counts authentic requests only, so that no other sender can use it up.
        enabled.rate.check().map_err(|_| Reply::TooMany)
    }
}
