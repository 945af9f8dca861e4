//! The mapping from an inquiry to a case, and how a case is stored and printed.

use connectors::{Record, Verification, VerificationStatus};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::fixtures::{Parts as _, assertions, persona_at as persona, read, record};

fn mara() -> Record {
    Record {
        id: "inq_zHarbor84ShbUyuwX6AzPSq".into(),
        version_at: Some(datetime!(2026-11-22 18:06:12 UTC)),
        etag: None,
        external_key: Some("P-000481".into()),
        assertions: assertions(
            json!({"given_name": "Mara", "family_name": "Quill", "birthdate": "1984-09-03",
            "email": null}),
        ),
        account: None,
        verification: Some(Verification {
            status: VerificationStatus::Verified,
            opened_at: Some(datetime!(2026-11-22 18:00 UTC)),
            decided_at: Some(datetime!(2026-11-22 18:06:12 UTC)),
        }),
        unread: vec![],
    }
}

#[tokio::test]
async fn an_approved_inquiry_is_read_in_full_in_either_spelling() {
    assert_eq!(read(persona, &record("persona/inquiry")).await, mara());
    assert_eq!(read(persona, &record("persona/inquiry-snake")).await, mara());
}

#[tokio::test]
async fn an_inquiry_with_required_fields_only_is_read() {
    let case = read(persona, &json!({"data": {"id": "inq_1", "attributes": {"status": "approved"}}})).await;
    assert_eq!((case.id.as_str(), case.verification().status), ("inq_1", VerificationStatus::Verified));
    assert_eq!(
        (case.external_key.as_deref(), case.text("given_name"), case.text("birthdate")),
        (None, None, None)
    );
    assert_eq!((case.verification().decided_at, case.version_at), (None, None));
}

#[tokio::test]
async fn a_failed_inquiry_was_decided_when_it_failed() {
    let mut inquiry = record("persona/inquiry");
    let attributes = &mut inquiry["data"]["attributes"];
    attributes["status"] = json!("failed");
    attributes["decisioned-at"] = Value::Null;
    attributes["failed-at"] = json!("2026-11-22T18:05:00.000Z");
    let case = read(persona, &inquiry).await;
    assert_eq!(case.verification().decided_at, Some(datetime!(2026-11-22 18:05 UTC)));
}

#[tokio::test]
async fn a_field_that_is_no_text_is_none() {
    for field in [Value::Null, json!({}), json!({"value": null}), json!({"value": ""}), json!({"value": [7]})]
    {
        let mut inquiry = record("persona/inquiry");
        inquiry["data"]["attributes"]["fields"]["birthdate"] = field.clone();
        inquiry["data"]["attributes"]["fields"]["name-first"] = field.clone();
        let case = read(persona, &inquiry).await;
        assert_eq!((case.text("birthdate"), case.text("given_name")), (None, None), "{field}");
        assert_eq!(case.text("family_name"), Some("Quill"));
    }
}

#[tokio::test]
async fn a_birthdate_is_a_date_or_none() {
    let cases = [
        ("1984-09-03", true),
        ("1984-02-30", false),
        ("3 September 1984", false),
        ("1984-09-03T00:00", false),
    ];
    for (text, good) in cases {
        let mut inquiry = record("persona/inquiry");
        inquiry["data"]["attributes"]["fields"]["birthdate"]["value"] = json!(text);
        let case = read(persona, &inquiry).await;
        assert_eq!((case.text("birthdate").is_some(), case.unread.is_empty()), (good, good), "{text}");
    }
}

#[test]
fn the_stored_record_leaves_out_the_version() {
    let stored = mara().content();
    let later = Record { version_at: None, ..mara() };
    assert_eq!(stored, later.content());
    assert_eq!(stored["decided_at"], "2026-11-22T18:06:12Z");
}

#[test]
fn debug_shows_the_id_and_the_version_only() {
    let expected = "Record { id: \"inq_zHarbor84ShbUyuwX6AzPSq\", \
                    version_at: Some(2026-11-22 18:06:12.0 +00:00:00), .. }";
    assert_eq!(format!("{:?}", mara()), expected);
}

#[tokio::test]
async fn one_odd_value_costs_its_field_alone() {
    let mut inquiry = record("persona/inquiry");
    let attributes = &mut inquiry["data"]["attributes"];
    attributes["reference-id"] = json!(481);
    attributes["created-at"] = json!("2026-11-22 18:00:00");
    attributes["updated-at"] = json!("yesterday");
    attributes["decisioned-at"] = json!(7);
    attributes["fields"]["name-first"] = json!("Mara");
    inquiry["included"] = json!("x");
    let case = read(persona, &inquiry).await;
    assert_eq!(case.external_key.as_deref(), Some("481"));
    assert_eq!(case.verification().opened_at, Some(datetime!(2026-11-22 18:00 UTC)), "a time without a zone");
    assert_eq!(
        (case.version_at, case.verification().decided_at, case.text("given_name")),
        (None, None, None)
    );
    assert_eq!((case.text("family_name"), case.text("birthdate")), (Some("Quill"), Some("1984-09-03")));
    assert_eq!(case.unread, ["decisioned-at", "name-first", "updated-at"]);
}

#[tokio::test]
async fn a_time_of_redaction_that_cannot_be_read_is_a_redaction() {
    for time in [json!("yesterday"), json!(7), json!({})] {
        let mut inquiry = record("persona/inquiry");
        inquiry["data"]["attributes"]["redacted-at"] = time.clone();
        let case = read(persona, &inquiry).await;
        assert_eq!(
            (case.verification().status, case.text("given_name")),
            (VerificationStatus::Redacted, None),
            "{time}"
        );
    }
}
