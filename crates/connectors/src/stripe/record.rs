//! Stripe's verification session, and its mapping to [`Record`]. All fields but the ID and the status may be missing.
//! <https://docs.stripe.com/api/identity/verification_sessions/object>

use provider_http::ProviderError;
use provider_http::json::{Field, Fields, Json, Unread, needed};
use time::{Date, Month, OffsetDateTime};

use crate::record::{Record, Verification, VerificationStatus, assertions};

/// A text after redaction: <https://docs.stripe.com/api/identity/verification_sessions/redact>.
const REDACTED: &str = "[redacted]";

pub(crate) fn case(session: &Json) -> Result<Record, ProviderError> {
    let id = needed("id", session.at("id").id())?;
    let status = status(session)?;
    let mut fields = Fields::default();
    // As a key, the placeholder of a redacted session would join all redacted persons.
    let key = fields.optional("client_reference_id", session.at("client_reference_id").id());
    let opened_at = fields.optional("created", moment(session.at("created")));
    let mut outputs = [("given_name", None), ("family_name", None), ("email", None), ("birthdate", None)];
    // Redaction puts placeholders into the outputs.
    if status == VerificationStatus::Verified {
        let verified = session.at("verified_outputs");
        let mut text = |name| fields.optional(name, verified.at(name).text());
        let (given_name, family_name, email) = (text("first_name"), text("last_name"), text("email"));
        let birthdate = fields.optional("dob", iso_date(verified.at("dob")));
        outputs = [
            ("given_name", given_name),
            ("family_name", family_name),
            ("email", email),
            ("birthdate", birthdate),
        ];
    }
    Ok(Record {
        external_key: key.filter(|key| key != REDACTED),
        assertions: assertions(outputs),
        verification: Some(Verification { status, opened_at, decided_at: None }),
        unread: fields.unread(),
        ..Record::of(id)
    })
}

/// <https://docs.stripe.com/identity/how-sessions-work>
fn status(session: &Json) -> Result<VerificationStatus, ProviderError> {
    // A session has `redaction` as soon as redaction is requested. Its own status does not change:
    // <https://docs.stripe.com/identity/verification-sessions#redact>. Whatever is there, the session has it.
    if !matches!(session.at("redaction").value(), Ok(None)) {
        return Ok(VerificationStatus::Redacted);
    }
    match needed("status", session.at("status").text())?.as_str() {
        "requires_input" => Ok(VerificationStatus::NeedsInput),
        "processing" => Ok(VerificationStatus::InProgress),
        "verified" => Ok(VerificationStatus::Verified),
        "canceled" => Ok(VerificationStatus::Expired),
        _ => Err(ProviderError::Unreadable { field: "status" }),
    }
}

fn moment(seconds: Field<'_>) -> Result<Option<OffsetDateTime>, Unread> {
    let time = |seconds| OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok();
    seconds.number()?.map(|seconds| time(seconds).ok_or(Unread)).transpose()
}

/// `None`: the date is incomplete. One that is not in the calendar cannot be read.
fn iso_date(dob: Field<'_>) -> Result<Option<String>, Unread> {
    let number = |name| dob.at(name).number();
    let (Some(year), Some(month), Some(day)) = (number("year")?, number("month")?, number("day")?) else {
        return Ok(None);
    };
    let date = || {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
    };
    date().map(|date| Some(date.to_string())).ok_or(Unread)
}
