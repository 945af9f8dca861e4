//! Persona's inquiry, and its mapping to [`Record`]. All fields but the ID and the status may be missing.
//! <https://docs.withpersona.com/api-reference/inquiries/retrieve-an-inquiry>

use provider_http::ProviderError;
use provider_http::json::{Field, Fields, Json, needed};

use crate::record::{Record, Verification, VerificationStatus, assertions};

/// <https://docs.withpersona.com/serialization>; `included` is not read.
pub(crate) fn case(document: &Json) -> Result<Record, ProviderError> {
    let inquiry = document.at("data");
    let id = needed("id", inquiry.at("id").id())?;
    let attributes = inquiry.at("attributes");
    let status = status(attributes)?;
    let mut fields = Fields::default();
    let mut time = |name| fields.optional(name, attribute(attributes, name).time());
    let (opened_at, version_at) = (time("created-at"), time("updated-at"));
    let decided_at = time("decisioned-at").or_else(|| time("failed-at"));
    let value = |name| attribute(attributes.at("fields"), name).at("value");
    let (first_name, last_name) = (value("name-first").text(), value("name-last").text());
    let birthdate = fields.optional("birthdate", value("birthdate").date());
    let case = Record {
        version_at,
        external_key: fields.optional("reference-id", attribute(attributes, "reference-id").id()),
        assertions: assertions([
            ("given_name", fields.optional("name-first", first_name)),
            ("family_name", fields.optional("name-last", last_name)),
            ("birthdate", birthdate.map(|date| date.to_string())),
            // The person has typed it, and no document shows it. A verified address links persons, so it must not be here.
            ("email", None),
        ]),
        verification: Some(Verification { status, opened_at, decided_at }),
        unread: fields.unread(),
        ..Record::of(id)
    };
    Ok(case.without_unverified_outputs())
}

/// We request names in snake case, and also read Persona's usual kebab case.
fn attribute<'a>(attributes: Field<'a>, name: &str) -> Field<'a> {
    let snake = attributes.at(&name.replace('-', "_"));
    if matches!(snake.value(), Ok(None)) { attributes.at(name) } else { snake }
}

/// <https://docs.withpersona.com/inquiry-statuses>
fn status(attributes: Field<'_>) -> Result<VerificationStatus, ProviderError> {
    let status = needed("status", attributes.at("status").text())?;
    // A redacted inquiry keeps its status:
    // <https://docs.withpersona.com/api-reference/webhooks/inquiry-events/webhook-inquiry-redacted>. A time that cannot be read
    // says the same.
    if !matches!(attribute(attributes, "redacted-at").value(), Ok(None)) {
        return Ok(VerificationStatus::Redacted);
    }
    match status.as_str() {
        "created" => Ok(VerificationStatus::NotStarted),
        "pending" => Ok(VerificationStatus::InProgress),
        "completed" | "needs_review" => Ok(VerificationStatus::InReview),
        "approved" => Ok(VerificationStatus::Verified),
        "declined" | "failed" => Ok(VerificationStatus::Rejected),
        "expired" => Ok(VerificationStatus::Expired),
        _ => Err(ProviderError::Unreadable { field: "status" }),
    }
}
