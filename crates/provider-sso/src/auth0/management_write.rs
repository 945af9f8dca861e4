//! `sapi`: a successful write through the Management API, by an administrator or a program.
//!
//! In: the entry's `details`. Out: the users that were written to. The path has their IDs, percent-encoded. Only if a user
//! was created, the response alone has the ID. Linking accounts has no code of its own: it is a write to
//! `/users/{id}/identities`, which also removes a second user, or brings it back.

use event_contract::{RecordHint, UnreadableEvent};
use percent_encoding::percent_decode_str;
use provider_http::lenient;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::text_or_number::id_in;

const KIND: &str = "sapi";

/// `details` of a `sapi` entry. All of it is optional, and bodies differ with the path.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    request: Option<Request>,
    response: Option<Response>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Request {
    method: Option<String>,
    path: Option<String>,
    body: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Response {
    body: Option<Value>,
}

/// The users that the write names: none if it was not to users. `date`: the log entry's.
pub(crate) fn read_management_write(
    details: Option<Value>,
    date: Option<OffsetDateTime>,
) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let details = details.map_or_else(|| Ok(Details::default()), serde_json::from_value);
    let details = details.map_err(|error| UnreadableEvent::shape(&error))?;
    let request = details.request.unwrap_or_default();
    let reply = details.response.unwrap_or_default().body.unwrap_or(Value::Null);
    let Some(path) = &request.path else { return created(&reply) };
    let Some(below_users) = segments_below_users(path)? else { return Ok(Vec::new()) };
    let method = request.method.unwrap_or_default().to_ascii_lowercase();
    let below_users: Vec<&str> = below_users.iter().map(String::as_str).collect();
    Ok(match (method.as_str(), &below_users[..]) {
        ("get", _) => Vec::new(),
        (_, []) => return created(&reply),
        ("delete", [id]) => {
            vec![RecordHint { id: (*id).to_owned(), removed: true, not_before: date }]
        }
        ("post", [id, "identities"]) => {
            [changed(id, &reply)].into_iter().chain(linked(request.body.as_ref())).collect()
        }
        ("delete", [id, "identities", provider, subject, ..]) => {
            vec![changed(id, &reply), changed(&format!("{provider}|{subject}"), &Value::Null)]
        }
        (_, [id, ..]) => vec![changed(id, &reply)],
    })
}

/// The decoded segments after `/api/v2/users`. `None`: the path leads elsewhere.
fn segments_below_users(path: &str) -> Result<Option<Vec<String>>, UnreadableEvent> {
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let Some(rest) = path.strip_prefix("/api/v2/users") else { return Ok(None) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Ok(None); // `/api/v2/users-by-email` and the like.
    }
    let decode = |segment: &str| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned);
    let segments: Result<Vec<String>, _> = rest.split('/').skip(1).map(decode).collect();
    let segments = segments.map_err(|_| UnreadableEvent::MissingId { kind: KIND })?;
    if segments.first().is_some_and(String::is_empty) {
        return Err(UnreadableEvent::MissingId { kind: KIND });
    }
    Ok(Some(segments))
}

/// A created user, whose ID only the response has.
fn created(reply: &Value) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let id = reply.get("user_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or(UnreadableEvent::MissingId { kind: KIND })?;
    Ok(vec![changed(id, reply)])
}

/// A changed user, bounded by the `updated_at` of the response if that is about the same user.
fn changed(id: &str, reply: &Value) -> RecordHint {
    let about_this_user = reply.get("user_id").and_then(Value::as_str) == Some(id);
    let not_before = lenient::time(reply.get("updated_at")).filter(|_| about_this_user);
    RecordHint { not_before, ..RecordHint::changed(id.to_owned()) }
}

/// The user who was linked into another. It is no user any more, which the fetch will show.
fn linked(body: Option<&Value>) -> Option<RecordHint> {
    let provider = body?.get("provider")?.as_str()?;
    let subject = id_in(body?.get("user_id"))?;
    let id = if subject.contains('|') { subject } else { format!("{provider}|{subject}") };
    Some(RecordHint::changed(id))
}
