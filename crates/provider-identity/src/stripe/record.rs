//! Stripe's verification session, and its mapping to [`VerificationCase`]. All fields but the ID and the status may be missing.
//! <https://docs.stripe.com/api/identity/verification_sessions/object>

use provider_http::lenient::text;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::{Date, Month, OffsetDateTime};

use crate::{VerificationCase, VerificationStatus};

/// A text after redaction: <https://docs.stripe.com/api/identity/verification_sessions/redact>.
const REDACTED: &str = "[redacted]";

#[derive(Deserialize)]
pub(crate) struct Session {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
    status: SessionStatus,
    client_reference_id: Option<String>,
    #[serde(default, with = "time::serde::timestamp::option")]
    created: Option<OffsetDateTime>,
    redaction: Option<IgnoredAny>,
    /// Read leniently, since redaction puts placeholders into it.
    verified_outputs: Option<Value>,
}

/// <https://docs.stripe.com/identity/how-sessions-work>
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SessionStatus {
    RequiresInput,
    Processing,
    Verified,
    Canceled,
}

#[derive(Deserialize)]
struct BirthDate {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
}

impl Session {
    fn verification_status(&self) -> VerificationStatus {
        // A session has `redaction` as soon as redaction is requested. Its own status does not change:
        // <https://docs.stripe.com/identity/verification-sessions#redact>.
        if self.redaction.is_some() {
            return VerificationStatus::Redacted;
        }
        match self.status {
            SessionStatus::RequiresInput => VerificationStatus::NeedsInput,
            SessionStatus::Processing => VerificationStatus::InProgress,
            SessionStatus::Verified => VerificationStatus::Verified,
            SessionStatus::Canceled => VerificationStatus::Expired,
        }
    }
}

impl From<Session> for VerificationCase {
    fn from(session: Session) -> Self {
        let verification_status = session.verification_status();
        let output = |name| session.verified_outputs.as_ref().and_then(|outputs| outputs.get(name));
        let text_output = |name| text(output(name)).map(str::to_owned);
        Self {
            verification_status,
            given_name: text_output("first_name"),
            family_name: text_output("last_name"),
            birthdate: output("dob").and_then(iso_date),
            email: text_output("email"),
            id: session.id,
            // As a key, this text would join all redacted persons.
            external_key: session.client_reference_id.filter(|key| key != REDACTED),
            opened_at: session.created,
            decided_at: None,
            version: None,
        }
        .without_unverified_outputs()
    }
}

/// `None`: the date is incomplete or not in the calendar.
fn iso_date(dob: &Value) -> Option<String> {
    let BirthDate { year, month, day } = BirthDate::deserialize(dob).ok()?;
    let date = Date::from_calendar_date(year?, Month::try_from(month?).ok()?, day?).ok()?;
    Some(date.to_string())
}
