//! A verification session as Stripe's API writes it: <https://docs.stripe.com/api/identity/verification_sessions/object>.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::identity::SimulatedPerson;

/// A session that waits for its person.
pub(crate) fn new(id: &str, client_reference_id: Option<&str>, now: OffsetDateTime) -> Value {
    json!({
        "id": id,
        "object": "identity.verification_session",
        "client_reference_id": client_reference_id,
        "client_secret": null,
        "created": now.unix_timestamp(),
        "last_error": null,
        "last_verification_report": null,
        "livemode": false,
        "metadata": {},
        "options": { "document": {} },
        "redaction": null,
        "related_customer": null,
        "related_customer_account": null,
        "status": "requires_input",
        "type": "document",
        "url": null,
        "verified_outputs": null,
    })
}

pub(crate) fn process(session: &mut Value) {
    session["status"] = json!("processing");
    session["last_error"] = Value::Null;
}

pub(crate) fn verify(session: &mut Value, person: &SimulatedPerson) {
    let (year, month, day) = person.birthdate.to_calendar_date();
    session["status"] = json!("verified");
    session["last_error"] = Value::Null;
    session["last_verification_report"] = json!("vr_simulated");
    session["verified_outputs"] = json!({
        "first_name": person.given_name,
        "last_name": person.family_name,
        "dob": { "year": year, "month": u8::from(month), "day": day },
        "address": { "line1": "12 Quay St", "city": "Harbor", "state": "RI", "postal_code": "02801", "country": "US" },
        "email": person.email,
        "phone": null,
        "id_number_type": null,
    });
}

pub(crate) fn refuse(session: &mut Value, code: &str) {
    session["status"] = json!("requires_input");
    session["last_error"] = json!({ "code": code, "reason": "A test asked for it." });
}

pub(crate) fn cancel(session: &mut Value) {
    session["status"] = json!("canceled");
}

/// A session that waits for input is canceled by it: <https://docs.stripe.com/api/identity/verification_sessions/redact>.
pub(crate) fn begin_redaction(session: &mut Value) {
    session["redaction"] = json!({ "status": "processing" });
    if session["status"] == "requires_input" {
        cancel(session);
    }
}

/// Leaves placeholders: <https://docs.stripe.com/identity/verification-sessions#redact>.
pub(crate) fn redact(session: &mut Value) {
    begin_redaction(session);
    session["redaction"] = json!({ "status": "redacted" });
    session["metadata"] = json!({});
    if !session["verified_outputs"].is_null() {
        session["verified_outputs"] = json!({
            "first_name": "[redacted]",
            "last_name": "[redacted]",
            "dob": { "year": 1, "month": 1, "day": 1 },
            "email": "[redacted]",
            "phone": null,
            "id_number_type": null,
        });
    }
}

/// The session as a request gets to see it that expands these fields. The date of birth has to be named by itself:
/// <https://docs.stripe.com/identity/access-verification-results>.
pub(crate) fn view(session: &Value, expand: &[&str]) -> Value {
    let mut session = session.clone();
    let with_dob = expand.contains(&"verified_outputs.dob");
    if !with_dob && !expand.contains(&"verified_outputs") {
        session.as_object_mut().expect("a session is an object").remove("verified_outputs");
        return session;
    }
    if let Some(outputs) = session["verified_outputs"].as_object_mut().filter(|_| !with_dob) {
        outputs.remove("dob");
    }
    session
}
