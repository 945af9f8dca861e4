//! The mapping from a session to a case.

use connectors::{Record, Verification, VerificationStatus};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::fixtures::{Parts as _, assertions, read, record, stripe_at as stripe};

fn mara() -> Record {
    Record {
        id: "vs_1QmHarbor0001AbCd".into(),
        version_at: None,
        etag: None,
        external_key: Some("P-000481".into()),
        assertions: assertions(
            json!({"given_name": "Mara", "family_name": "Quill", "birthdate": "1984-09-03",
            "email": "mara.quill@example.org"}),
        ),
        account: None,
        verification: Some(Verification {
            status: VerificationStatus::Verified,
            opened_at: Some(datetime!(2026-11-23 05:00 UTC)),
            decided_at: None,
        }),
        unread: vec![],
    }
}

#[tokio::test]
async fn a_verified_session_is_read_in_full() {
    assert_eq!(read(stripe, &record("stripe/session")).await, mara());
}

#[tokio::test]
async fn a_session_with_required_fields_only_is_read() {
    let case = read(stripe, &json!({"id": "vs_1", "status": "verified"})).await;
    let nothing = Record {
        id: "vs_1".into(),
        external_key: None,
        assertions: assertions(
            json!({"given_name": null, "family_name": null, "birthdate": null, "email": null}),
        ),
        verification: Some(Verification { opened_at: None, ..mara().verification().clone() }),
        ..mara()
    };
    assert_eq!(case, nothing);
}

#[tokio::test]
async fn an_incomplete_birthdate_is_none() {
    let cases = [
        (json!({"year": 1984, "month": 9, "day": 3}), Some("1984-09-03")),
        (json!({"year": 2000, "month": 2, "day": 29}), Some("2000-02-29")),
        (json!({"year": 1900, "month": 2, "day": 29}), None),
        (json!({"year": 1984, "month": 13, "day": 3}), None),
        (json!({"year": 1984, "month": 9, "day": 0}), None),
        (json!({"year": 1984, "month": 9, "day": null}), None),
        (json!({"year": 1984}), None),
        (json!({"year": "1984", "month": 9, "day": 300}), None),
        (Value::Null, None),
        (json!("[redacted]"), None),
    ];
    for (dob, expected) in cases {
        let mut session = record("stripe/session");
        session["verified_outputs"]["dob"] = dob.clone();
        assert_eq!(read(stripe, &session).await.text("birthdate"), expected, "{dob}");
    }
}

/// The placeholders are those of <https://docs.stripe.com/identity/verification-sessions#redact>.
#[tokio::test]
async fn placeholders_of_a_redacted_session_are_not_kept() {
    let mut session = record("stripe/session");
    session["redaction"] = json!({"status": "redacted"});
    session["verified_outputs"] = json!({
        "first_name": "[redacted]", "last_name": "[redacted]", "email": "[redacted]",
        "dob": {"year": 1, "month": 1, "day": 1},
    });
    let case = read(stripe, &session).await;
    assert_eq!(case.external_key.as_deref(), Some("P-000481"));
    session["client_reference_id"] = json!("[redacted]");
    session["verified_outputs"] = json!("[redacted]");
    let without_key = read(stripe, &session).await;
    assert_eq!(without_key, Record { external_key: None, ..case });
    let text = without_key.content().to_string();
    assert!(!text.contains("[redacted]") && !text.contains("0001-01-01"), "{text}");
}

#[tokio::test]
async fn one_odd_value_costs_its_field_alone() {
    let mut session = record("stripe/session");
    session["client_reference_id"] = json!(481);
    session["created"] = json!("soon");
    session["metadata"] = json!(7);
    session["verified_outputs"]["first_name"] = json!({"value": "Mara"});
    session["verified_outputs"]["email"] = json!(["mara.quill@example.org"]);
    let case = read(stripe, &session).await;
    assert_eq!(
        (case.external_key.as_deref(), case.verification().opened_at, case.text("given_name")),
        (Some("481"), None, None)
    );
    assert_eq!(case.text("email"), Some("mara.quill@example.org"));
    assert_eq!(case.unread, ["created", "first_name"]);
    session["verified_outputs"] = json!("none");
    assert_eq!(read(stripe, &session).await.text("family_name"), None);
}

#[tokio::test]
async fn a_date_of_birth_that_cannot_be_read_does_not_look_as_if_there_was_none() {
    for (dob, unread) in [
        (json!({"year": 1984, "month": 13, "day": 3}), true),
        (json!({"year": 1984, "month": "September", "day": 3}), true),
        (json!("1984-09-03"), true),
        (json!({"year": 1984, "month": 9, "day": null}), false),
        (Value::Null, false),
    ] {
        let mut session = record("stripe/session");
        session["verified_outputs"]["dob"] = dob.clone();
        let case = read(stripe, &session).await;
        assert_eq!((case.text("birthdate"), case.unread == ["dob"]), (None, unread), "{dob}");
    }
    let mut session = record("stripe/session");
    session["created"] = json!(u64::MAX);
    let case = read(stripe, &session).await;
    assert_eq!(case.verification().opened_at, None, "no time is so late");
    assert_eq!(case.unread, ["created"]);
}

#[tokio::test]
async fn whatever_redaction_says_the_session_is_redacted() {
    for redaction in [json!({}), json!("processing"), json!(true), json!([])] {
        let mut session = record("stripe/session");
        session["redaction"] = redaction.clone();
        let case = read(stripe, &session).await;
        assert_eq!(case.verification().status, VerificationStatus::Redacted, "{redaction}");
        assert_eq!((case.text("given_name"), case.text("birthdate")), (None, None));
    }
}
