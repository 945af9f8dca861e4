//! Which contacts each recorded event names.

use connectors::{RecordEvent, RecordHint, SalesforceClient, SalesforceConfig, UnreadableEvent, Vendor};
use time::OffsetDateTime;

use crate::fixtures::{MARA, OTTO, event, partner_event, salesforce, salesforce_config, source};
use provider_http::test_server::NOWHERE;

/// The recorded events' commit, cut to the second: 2026-11-20T15:10:42Z.
const COMMIT: Option<i64> = Some(1_795_187_442);
/// The second before it.
const BEFORE: Option<i64> = Some(1_795_187_441);

fn hint(id: &str, removed: bool, not_before: Option<i64>) -> RecordHint {
    let not_before = not_before.map(|time| OffsetDateTime::from_unix_timestamp(time).unwrap());
    RecordHint { id: id.to_owned(), removed, not_before }
}

/// An event that names no contact.
fn nothing() -> RecordEvent {
    RecordEvent::Records(vec![])
}

fn present(id: &str, not_before: Option<i64>) -> RecordHint {
    hint(id, false, not_before)
}

fn deleted(id: &str, not_before: Option<i64>) -> RecordHint {
    hint(id, true, not_before)
}

#[test]
fn every_recorded_event_names_its_contacts() {
    let contacts = RecordEvent::Records;
    let cases = [
        ("salesforce/contact-created", contacts(vec![present(MARA, None)])),
        ("salesforce/contacts-updated", contacts(vec![present(MARA, None), present(OTTO, None)])),
        ("salesforce/contact-updated-raw", contacts(vec![present(MARA, None)])),
        ("salesforce/contact-updated-reduced", contacts(vec![present(MARA, None)])),
        ("salesforce/contact-deleted", contacts(vec![deleted(OTTO, BEFORE)])),
        ("salesforce/contact-undeleted", contacts(vec![present(OTTO, None)])),
        ("salesforce/contact-gap-update", contacts(vec![present(MARA, None)])),
        ("salesforce/contact-gap-delete", contacts(vec![deleted(MARA, None)])),
        ("salesforce/contact-gap-overflow", RecordEvent::Everything),
        ("salesforce/account-gap-overflow", nothing()),
        ("salesforce/account-updated", nothing()),
        ("salesforce/ingress", contacts(vec![present(MARA, COMMIT), present(OTTO, COMMIT)])),
    ];
    for (name, expected) in cases {
        assert_eq!(source("salesforce", salesforce()).read_event(&event(name)), Ok(expected), "{name}");
    }
}

/// An event of this source with this detail.
fn read(from: &str, detail: &str) -> Result<RecordEvent, UnreadableEvent> {
    source("salesforce", salesforce()).read_event(&partner_event(from, detail))
}

fn with_header(header: &str) -> Result<RecordEvent, UnreadableEvent> {
    let detail = format!(r#"{{"payload":{{"ChangeEventHeader":{header}}}}}"#);
    read("aws.partner/salesforce.com/00D/0YL", &detail)
}

#[test]
fn a_header_without_ids_is_unreadable() {
    for (ids, kind) in [("[]", "UPDATE"), ("null", "DELETE"), ("[7]", "UPDATE"), (r#"["mara",""]"#, "CREATE")]
    {
        let header = format!(r#"{{"entityName":"Contact","changeType":"{kind}","recordIds":{ids}}}"#);
        assert_eq!(with_header(&header), Err(UnreadableEvent::MissingId { kind }), "{header}");
    }
}

#[test]
fn a_detail_of_no_known_shape_is_unreadable_without_being_quoted() {
    for detail in ["[]", "7", "{}", r#"{"mara":1}"#, r#"{"payload":"mara"}"#, r#"{"payload":{"mara":1}}"#] {
        let error = read("aws.partner/salesforce.com/00D/0YL", detail).unwrap_err();
        assert!(matches!(error, UnreadableEvent::Shape { .. }), "{detail}: {error}");
        assert!(!format!("{error} {error:?}").contains("mara"));
    }
}

#[test]
fn headers_that_are_odd_but_harmless_are_read() {
    let cases = [
        (r#"{"entityName":"Lead","recordIds":7}"#, nothing()),
        (
            r#"{"entityName":"Contact","recordIds":["0037Q00000HbKmT"]}"#,
            RecordEvent::Records(vec![present(MARA, None)]),
        ),
        (
            r#"{"entityName":"Contact","changeType":"OF_TOMORROW","recordIds":["0037Q00000HbKmT"],"commitTimestamp":5}"#,
            RecordEvent::Records(vec![present(MARA, None)]),
        ),
        (
            r#"{"entityName":"Contact","changeType":"DELETE","recordIds":["0037Q00000HbKmT"],"commitTimestamp":"soon"}"#,
            RecordEvent::Records(vec![deleted(MARA, None)]),
        ),
        (
            r#"{"entityName":"Contact","changeType":"DELETE","recordIds":["0037Q00000HbKmT"],"commitTimestamp":9223372036854775807}"#,
            RecordEvent::Records(vec![deleted(MARA, None)]),
        ),
        (r#"{"entityName":"Contact","recordIds":["000000000000000"]}"#, RecordEvent::Everything),
        (r#"{"entityName":"Contact","changeType":"UPDATE","recordIds":["003*"]}"#, RecordEvent::Everything),
        (r#"{"entityName":"Contact","recordIds":["0037Q00000HbKmT","003*"]}"#, RecordEvent::Everything),
        (r#"{"entityName":"Account","changeType":"UPDATE","recordIds":["001*"]}"#, nothing()),
    ];
    for (header, expected) in cases {
        assert_eq!(with_header(header), Ok(expected), "{header}");
    }
}

#[test]
fn a_text_that_is_not_a_contact_s_id_becomes_no_contact() {
    let not_an_id = UnreadableEvent::NotAnId { of: "a contact of Salesforce" };
    for id in ["x", "001*", "0017Q00000HbKmTQAV", "0037Q00000HbKmTAAA", "003*5f00000AbCd", "mara@example.org"]
    {
        let header =
            format!(r#"{{"entityName":"Contact","changeType":"DELETE","recordIds":["{MARA}","{id}"]}}"#);
        assert_eq!(with_header(&header), Err(not_an_id.clone()), "{id}");
        let detail = format!(r#"{{"ids":["{id}"],"change":"changed"}}"#);
        assert_eq!(read("coppice.ingress.salesforce", &detail), Err(not_an_id.clone()), "{id}");
    }
    assert!(!not_an_id.to_string().contains('@'));
    let everything = read("coppice.ingress.salesforce", r#"{"ids":["003*"],"change":"changed"}"#);
    assert_eq!(everything, Ok(RecordEvent::Everything));
}

#[test]
fn an_event_of_another_organization_is_refused_if_ours_is_named() {
    let envelope = |organization: &str, entity: &str| {
        let header = format!(r#"{{"entityName":"{entity}","changeType":"UPDATE","recordIds":["{MARA}"]}}"#);
        let from = format!("aws.partner/salesforce.com/{organization}/0YL9x0000000Q41");
        partner_event(&from, &format!(r#"{{"payload":{{"ChangeEventHeader":{header}}}}}"#))
    };
    let organization = Some("00D9x000000OrchEAK".into());
    let config = SalesforceConfig { organization, ..salesforce_config(NOWHERE) };
    let client = source("salesforce", SalesforceClient::client(config, |_| {}).unwrap());
    let contact = RecordEvent::Records(vec![present(MARA, None)]);
    for own in ["00D9x000000OrchEAK", "00D9x000000Orch"] {
        assert_eq!(client.read_event(&envelope(own, "Contact")), Ok(contact.clone()), "{own}");
    }
    let refused = Err(UnreadableEvent::OtherAccount { setting: "organization" });
    assert_eq!(client.read_event(&envelope("00D9x000000SandEAK", "Contact")), refused);
    assert_eq!(client.read_event(&envelope("00D9x000000SandEAK", "Account")), Ok(nothing()));
    assert_eq!(
        source("salesforce", salesforce()).read_event(&envelope("00D9x000000SandEAK", "Contact")),
        Ok(contact)
    );
}

#[test]
fn another_provider_s_event_is_refused() {
    for source in
        ["aws.partner/auth0.com/t/auth0.logs", "coppice.ingress.hubspot", "coppice", "salesforce.com/x"]
    {
        let refused = read(source, r#"{"ids":["x"],"change":"changed"}"#);
        assert_eq!(
            refused,
            Err(UnreadableEvent::ForeignSource { expected: "salesforce".into() }),
            "{source}"
        );
    }
}
