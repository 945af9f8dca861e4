//! `sapi`: a successful write through the Management API, by an administrator or a program. In: the entry's `details`, all of
//! them optional. Out: the users that were written to, by the IDs in the path.

use event_contract::{RecordHint, UnreadableEvent};
use percent_encoding::percent_decode_str;
use provider_http::lenient;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::text_or_number::id_in;

const KIND: &str = "sapi";

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
        // Only the response has the ID of a created user.
        (_, []) => return created(&reply),
        ("delete", [id]) => {
            vec![RecordHint { id: (*id).to_owned(), removed: true, not_before: date }]
        }
        // Linking accounts has no code of its own. It also removes a second user, or brings it back.
        ("post", [id, "identities"]) => {
            [changed(id, &reply)].into_iter().chain(linked(request.body.as_ref())).collect()
        }
        ("delete", [id, "identities", provider, subject, ..]) => {
            vec![changed(id, &reply), changed(&format!("{provider}|{subject}"), &Value::Null)]
        }
        (_, [id, ..]) => vec![changed(id, &reply)],
    })
}

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

fn created(reply: &Value) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let id = reply.get("user_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or(UnreadableEvent::MissingId { kind: KIND })?;
    Ok(vec![changed(id, reply)])
}

fn changed(id: &str, reply: &Value) -> RecordHint {
    // The response's time bounds this user only if the response is about it.
    let about_this_user = reply.get("user_id").and_then(Value::as_str) == Some(id);
    let not_before = lenient::time(reply.get("updated_at")).filter(|_| about_this_user);
    RecordHint { not_before, ..RecordHint::changed(id.to_owned()) }
}

fn linked(body: Option<&Value>) -> Option<RecordHint> {
    let provider = body?.get("provider")?.as_str()?;
    let subject = id_in(body?.get("user_id"))?;
    let id = if subject.contains('|') { subject } else { format!("{provider}|{subject}") };
    // It is no user any more, which the fetch will show.
    Some(RecordHint::changed(id))
}
