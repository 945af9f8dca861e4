//! An inquiry as Persona's API writes it, with its own kebab-case keys:
//! <https://docs.withpersona.com/api-reference/inquiries/retrieve-an-inquiry>.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::identity::SimulatedPerson;

/// An inquiry that the person has not begun.
pub(crate) fn new(id: &str, reference_id: Option<&str>, now: OffsetDateTime) -> Value {
    json!({
        "type": "inquiry",
        "id": id,
        "attributes": {
            "status": "created",
            "reference-id": reference_id,
            "note": null,
            "tags": [],
            "creator": "API",
            "created-at": timestamp(now),
            "started-at": null,
            "completed-at": null,
            "failed-at": null,
            "marked-for-review-at": null,
            "decisioned-at": null,
            "expired-at": null,
            "redacted-at": null,
            "updated-at": timestamp(now),
            "fields": fields(&Value::Null, &Value::Null, &Value::Null, &Value::Null),
        },
        "relationships": { "account": { "data": { "type": "account", "id": "act_simulated" } } },
    })
}

/// Moves an inquiry to a status, and stores the time in the attribute of that status.
pub(crate) fn set_status(inquiry: &mut Value, status: &str, time: &str, now: OffsetDateTime) {
    let attributes = &mut inquiry["attributes"];
    attributes["status"] = json!(status);
    attributes[time] = json!(timestamp(now));
    attributes["updated-at"] = json!(timestamp(now));
}

pub(crate) fn fill(inquiry: &mut Value, person: &SimulatedPerson) {
    inquiry["attributes"]["fields"] = fields(
        &json!(person.given_name),
        &json!(person.family_name),
        &json!(person.birthdate.to_string()),
        &json!(person.email),
    );
}

/// Keeps the status and removes the values:
/// <https://docs.withpersona.com/api-reference/webhooks/inquiry-events/webhook-inquiry-redacted>.
pub(crate) fn redact(inquiry: &mut Value, now: OffsetDateTime) {
    let attributes = &mut inquiry["attributes"];
    attributes["redacted-at"] = json!(timestamp(now));
    attributes["updated-at"] = json!(timestamp(now));
    attributes["note"] = Value::Null;
    attributes["fields"] = fields(&Value::Null, &Value::Null, &Value::Null, &Value::Null);
}

fn fields(given_name: &Value, family_name: &Value, birthdate: &Value, email: &Value) -> Value {
    json!({
        "name-first": { "type": "string", "value": given_name },
        "name-last": { "type": "string", "value": family_name },
        "birthdate": { "type": "date", "value": birthdate },
        "email-address": { "type": "string", "value": email },
    })
}

/// The same with snake-case keys, as `Key-Inflection: snake` asks for. Values stay as they are.
pub(crate) fn snake(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let renamed = fields.into_iter().map(|(name, value)| (name.replace('-', "_"), snake(value)));
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(snake).collect()),
        other => other,
    }
}

/// With milliseconds, as Persona writes times.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.format(format).expect("the present can be written")
}
