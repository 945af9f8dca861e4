//! Takes records that are handed over: `PUT` and `DELETE /sources/<name>/records/<id>?version=<n>`. In: a request that one of the
//! source's secrets signed. Out: the record is committed, and then its ID is on the bus; the reply is 2xx only after both. If the
//! sender sends a request again, the same version changes nothing, and the ID is published again: so a failure in between heals.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use event_bus::EventBus;
use event_contract::RecordHint;
use postgres_store::{HandOver, RecordVersion, StoreError, Taken};
use provider_webhook::WebhookRecord;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded;

use crate::events::events;
use crate::form::{check_head, read_body};
use crate::reply::Reply;
use crate::server::{Enabled, NO_SOURCE, Shared, counted, timed};

/// What the bus calls the kind of event.
const KIND: &str = "record";

pub(crate) async fn hand_over<B: EventBus>(
    State(shared): State<Arc<Shared<B>>>,
    names: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Reply {
    let started = Instant::now();
    // A name or an ID that is not UTF-8.
    let Ok(Path((name, id))) = names else { return counted(NO_SOURCE, Reply::RecordId) };
    let Some(enabled) = shared.handed_over.get(&name) else {
        return counted(NO_SOURCE, Reply::UnknownSource);
    };
    let reply =
        match tokio::time::timeout(shared.limits.request, shared.take_record(enabled, id, request)).await {
            Ok(taken) => taken.unwrap_or_else(|refusal| refusal),
            Err(_) => Reply::TooSlow,
        };
    timed(&enabled.source, started, reply)
}

impl<B: EventBus> Shared<B> {
    async fn take_record(&self, enabled: &Enabled, id: String, request: Request) -> Result<Reply, Reply> {
        let removed = match *request.method() {
            Method::PUT => false,
            Method::DELETE => true,
            _ => return Err(Reply::RecordMethod),
        };
        let version = version(request.uri().query()).ok_or(Reply::Version)?;
        let mut hint = RecordHint::changed(id.clone());
        hint.removed = removed;
        hint.not_before = match version {
            RecordVersion::At(at) => Some(at),
            RecordVersion::Number(_) => None,
        };
        let event = WebhookRecord { kind: KIND, hint, missed: false, account: None };
        let event = events(&enabled.source, vec![event]).map_err(|_| Reply::RecordId)?;
        if !removed {
            check_head(request.headers())?;
        }
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head.clone(), body);
        // As for a webhook: a body is parsed only if it is authentic.
        let _room = enabled.room.try_acquire().map_err(|_| Reply::Busy)?;
        let body = read_body(request, self.limits.body).await?;
        self.admit(enabled, &head, &body)?;
        let content = content(removed, &body)?;
        let record = HandOver { record_id: id, version, content };
        let taken = self.intake.store.take_records(&enabled.source, &[record], None).await;
        match taken.map_err(refusal)?.first() {
            Some(Taken::Stored | Taken::Same) => {}
            Some(Taken::Conflict) => return Err(Reply::VersionConflict),
            Some(Taken::Older) => return Err(Reply::OlderVersion),
            Some(Taken::OtherKind) => return Err(Reply::VersionKind),
            None => return Err(Reply::NotSafe),
        }
        // Not kept in the outbox: the record is stored, and the sender is asked to send it again.
        let published = tokio::time::timeout(self.limits.publish, self.intake.publish(&event)).await;
        match published {
            Ok(Ok(published)) if published.taken.len() == event.len() => Ok(Reply::Published),
            _ => {
                tracing::warn!(source = enabled.source, "bus took no event of a record that was handed over");
                Err(Reply::NotSafe)
            }
        }
    }
}

/// `version=<whole number>` or `version=<RFC 3339 time>`, once, and no other parameter.
fn version(query: Option<&str>) -> Option<RecordVersion> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    let (name, value) = pairs.next()?;
    if name != "version" || pairs.next().is_some() {
        return None;
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(RecordVersion::Number);
    }
    let at = OffsetDateTime::parse(&value, &Rfc3339).ok()?;
    // The database keeps microseconds: two versions must not become one.
    at.nanosecond().is_multiple_of(1000).then_some(RecordVersion::At(at))
}

/// What is stored of a record: a JSON object, or nothing if it is removed.
fn content(removed: bool, body: &Bytes) -> Result<Option<Value>, Reply> {
    if removed {
        return if body.is_empty() { Ok(None) } else { Err(Reply::Unreadable) };
    }
    let content: Value = serde_json::from_slice(body).map_err(|_| Reply::Unreadable)?;
    if content.is_object() && is_storable(&content) { Ok(Some(content)) } else { Err(Reply::Unreadable) }
}

/// The database has no NUL in texts.
fn is_storable(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => items.iter().all(is_storable),
        Value::Object(fields) => {
            fields.iter().all(|(name, value)| !name.contains('\0') && is_storable(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn refusal(error: StoreError) -> Reply {
    match error {
        StoreError::Refused { .. } => {
            tracing::warn!(%error, "record that was handed over is refused");
            Reply::Unreadable
        }
        error => {
            tracing::error!(%error, "record that was handed over is not stored");
            Reply::NotSafe
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_version_is_a_whole_number_or_a_time_and_stands_alone() {
        for (query, expected) in [
            ("version=7", Some(RecordVersion::Number(7))),
            ("version=0", Some(RecordVersion::Number(0))),
            ("version=9223372036854775807", Some(RecordVersion::Number(i64::MAX))),
            ("version=2026-11-20T08:00:00Z", Some(RecordVersion::At(datetime!(2026-11-20 8:00 UTC)))),
            (
                "version=2026-11-20T09%3A00:00.5%2B01:00",
                Some(RecordVersion::At(datetime!(2026-11-20 8:00:00.5 UTC))),
            ),
            ("version=9223372036854775808", None),
            ("version=-1", None),
            ("version=%2B1", None),
            ("version=1.0", None),
            ("version=", None),
            ("version", None),
            ("", None),
            ("version=1&version=1", None),
            ("version=1&x=1", None),
            ("Version=1", None),
            ("version=2026-11-20", None),
            ("version=2026-11-20T08:00:00.0000001Z", None),
        ] {
            assert_eq!(version(Some(query)), expected, "{query}");
        }
        assert_eq!(version(None), None);
    }

    #[test]
    fn content_is_an_object_that_can_be_stored() {
        let read = |body: &'static [u8]| content(false, &Bytes::from_static(body));
        assert_eq!(read(br#"{"a":1}"#), Ok(Some(json!({"a": 1}))));
        for body in
            [&b"[]"[..], b"7", b"null", b"", b"{", b"\xff{}", br#"{"a":"\u0000"}"#, br#"{"\u0000":1}"#]
        {
            assert_eq!(read(body), Err(Reply::Unreadable), "{body:?}");
        }
        assert_eq!(content(true, &Bytes::new()), Ok(None));
        assert_eq!(content(true, &Bytes::from_static(b"{}")), Err(Reply::Unreadable));
    }
}
