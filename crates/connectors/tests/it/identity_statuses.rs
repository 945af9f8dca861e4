//! The vendors' statuses and ours, and the fields that a case keeps in each.

use connectors::{Record, VerificationStatus as Status};
use serde_json::json;

use crate::fixtures::{Parts as _, persona_at as persona, read, record, stripe_at as stripe};

/// True if a case has all outputs, false if it has none. Some outputs fail the test.
fn holds_outputs(case: &Record) -> bool {
    let outputs = [case.text("given_name"), case.text("family_name"), case.text("birthdate")];
    let count = outputs.iter().filter(|output| output.is_some()).count();
    assert!(count == 0 || count == outputs.len(), "{count} outputs in {case:?}");
    assert!(count > 0 || case.text("email").is_none());
    count > 0
}

#[tokio::test]
async fn a_stripe_status_has_one_meaning() {
    let cases = [
        ("requires_input", Status::NeedsInput),
        ("processing", Status::InProgress),
        ("verified", Status::Verified),
        ("canceled", Status::Expired),
    ];
    for (status, expected) in cases {
        let mut session = record("stripe/session");
        session["status"] = json!(status);
        let case = read(stripe, &session).await;
        assert_eq!(case.verification().status, expected, "{status}");
        assert_eq!(holds_outputs(&case), expected == Status::Verified, "{status}");
        for redaction in ["processing", "redacted"] {
            session["redaction"] = json!({"status": redaction});
            let case = read(stripe, &session).await;
            assert_eq!(case.verification().status, Status::Redacted, "{status} {redaction}");
            assert!(!holds_outputs(&case), "{status} {redaction}");
        }
    }
}

#[tokio::test]
async fn a_persona_status_has_one_meaning() {
    let cases = [
        ("created", Status::NotStarted),
        ("pending", Status::InProgress),
        ("completed", Status::InReview),
        ("needs_review", Status::InReview),
        ("approved", Status::Verified),
        ("declined", Status::Rejected),
        ("failed", Status::Rejected),
        ("expired", Status::Expired),
    ];
    for (status, expected) in cases {
        let mut inquiry = record("persona/inquiry");
        inquiry["data"]["attributes"]["status"] = json!(status);
        let case = read(persona, &inquiry).await;
        assert_eq!(case.verification().status, expected, "{status}");
        assert_eq!(holds_outputs(&case), expected == Status::Verified, "{status}");
        inquiry["data"]["attributes"]["redacted-at"] = json!("2026-11-24T09:00:00.000Z");
        let case = read(persona, &inquiry).await;
        assert_eq!(case.verification().status, Status::Redacted, "{status}");
        assert!(!holds_outputs(&case), "{status}");
    }
}

#[test]
fn a_status_is_written_as_its_word() {
    let words = [
        (Status::NotStarted, "not_started"),
        (Status::InProgress, "in_progress"),
        (Status::NeedsInput, "needs_input"),
        (Status::InReview, "in_review"),
        (Status::Verified, "verified"),
        (Status::Rejected, "rejected"),
        (Status::Expired, "expired"),
        (Status::Redacted, "redacted"),
    ];
    for (status, word) in words {
        assert_eq!(status.as_str(), word);
        assert_eq!(serde_json::to_value(status).unwrap(), json!(word));
    }
}
