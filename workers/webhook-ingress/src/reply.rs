//! The replies: a status and one fixed word. A reply never says why a signature is wrong, and quotes no part of a request but a
//! challenge. If the provider should send a webhook again, the status is 503: most providers take every 4XX as final.

use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// On the bus.
    Published,
    /// In the outbox, from which the relay publishes it.
    Stored,
    /// Authentic, and it names no record.
    Nothing,
    UnknownSource,
    NotFound,
    Method,
    /// Of a path with a record.
    RecordMethod,
    /// The record's ID is empty, too long, or no text.
    RecordId,
    /// The version is missing, or neither a whole number nor a time.
    Version,
    /// This version was handed over with another content.
    VersionConflict,
    /// A higher version was handed over.
    OlderVersion,
    /// The record's versions are times, and this one is a number, or the other way round.
    VersionKind,
    ContentType,
    Encoding,
    TooLarge,
    Body,
    Signature,
    Time,
    Unreadable,
    Challenge,
    /// The only reply with something of the request in it: see [`provider_webhook::Challenge`].
    ChallengeAnswered,
    /// Above the provider's rate. Not a 429, which providers take for a refusal and do not send again.
    TooMany,
    Busy,
    TooSlow,
    /// Neither bus nor database accepted it: the provider must send it again.
    NotSafe,
}

impl Reply {
    /// Its word, in the reply and in metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Stored => "stored",
            Self::Nothing => "nothing",
            Self::UnknownSource => "unknown_source",
            Self::NotFound => "not_found",
            Self::Method | Self::RecordMethod => "method",
            Self::RecordId => "record_id",
            Self::Version => "version",
            Self::VersionConflict => "version_conflict",
            Self::OlderVersion => "older_version",
            Self::VersionKind => "version_kind",
            Self::ContentType => "content_type",
            Self::Encoding => "content_encoding",
            Self::TooLarge => "too_large",
            Self::Body => "body",
            Self::Signature => "signature",
            Self::Time => "time",
            Self::Unreadable => "unreadable",
            Self::Challenge => "challenge",
            Self::ChallengeAnswered => "challenge_answered",
            Self::TooMany => "too_many_requests",
            Self::Busy => "busy",
            Self::TooSlow => "too_slow",
            Self::NotSafe => "not_safe",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Published | Self::ChallengeAnswered => StatusCode::OK,
            Self::Stored => StatusCode::ACCEPTED,
            Self::Nothing => StatusCode::NO_CONTENT,
            Self::UnknownSource | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method | Self::RecordMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::VersionConflict | Self::OlderVersion | Self::VersionKind => StatusCode::CONFLICT,
            Self::ContentType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Signature | Self::Time => StatusCode::UNAUTHORIZED,
            Self::Body | Self::Unreadable | Self::Challenge | Self::RecordId | Self::Version => {
                StatusCode::BAD_REQUEST
            }
            Self::TooMany | Self::Busy | Self::TooSlow | Self::NotSafe => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Seconds until the provider should try again.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::TooMany | Self::Busy => Some("1"),
            Self::TooSlow | Self::NotSafe => Some("10"),
            _ => None,
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let (status, word) = (self.status(), self.word());
        let mut response = match self {
            Self::Nothing => status.into_response(),
            Self::Published | Self::Stored | Self::ChallengeAnswered => {
                (status, Json(json!({"status": word}))).into_response()
            }
            Self::VersionConflict | Self::OlderVersion | Self::VersionKind => {
                (status, Json(json!({"error": word, "changed": false}))).into_response()
            }
            _ => (status, Json(json!({"error": word}))).into_response(),
        };
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        let allowed = match self {
            Self::Method => Some("POST"),
            Self::RecordMethod => Some("PUT, DELETE"),
            _ => None,
        };
        if let Some(methods) = allowed {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}
