//! Which users each System Log entry names.

use connectors::{RecordHint, UnreadableEvent};
use event_contract::Envelope;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fixtures::{auth0, event, hints, okta, partner_event, source};

const TOVE: &str = "00uBaysideTove00h7";

fn hint(removed: bool, not_before: Option<&str>) -> Vec<RecordHint> {
    let not_before = not_before.map(|time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
    vec![RecordHint { id: TOVE.to_owned(), removed, not_before }]
}

fn present() -> Vec<RecordHint> {
    hint(false, None)
}

/// The users that an event of the organization names.
fn named(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    hints(source("okta", okta()).read_event(envelope))
}

#[test]
fn every_entry_names_its_users() {
    let cases = [
        ("okta/log-suspended", present()),
        ("okta/log-profile-updated-reduced", present()),
        ("okta/log-locked-itself-reduced", present()),
        ("okta/log-delete-initiated", present()),
        ("okta/log-delete-completed", hint(true, Some("2026-11-21T06:30:12.900Z"))),
        ("okta/log-privilege-granted", vec![]),
        ("okta/log-sign-on", vec![]),
        ("okta/log-session-reduced", vec![]),
        ("okta/ingress", hint(false, Some("2026-11-19T11:42:07.318Z"))),
    ];
    for (name, expected) in cases {
        assert_eq!(named(&event(name)), Ok(expected), "{name}");
    }
}

/// An event of the organization with this detail.
fn with_detail(detail: &str) -> Result<Vec<RecordHint>, UnreadableEvent> {
    named(&partner_event("aws.partner/okta.com/b/p", detail))
}

#[test]
fn an_entry_that_should_name_a_user_and_does_not_is_unreadable() {
    let admin = r#""actor":{"id":"00uAdmin","type":"User"}"#;
    let cases = [
        (r#"{"eventType":"user.lifecycle.create"}"#.to_owned(), "user.lifecycle"),
        (
            r#"{"eventType":"user.account.lock","actor":{"id":"s","type":"SystemPrincipal"}}"#.to_owned(),
            "user.account",
        ),
        (
            format!(
                r#"{{"eventType":"user.account.lock",{admin},"target":[{{"id":"0oa","type":"AppInstance"}}]}}"#
            ),
            "user.account",
        ),
        (
            format!(
                r#"{{"eventType":"user.lifecycle.delete.completed",{admin},"target":[{{"type":"User"}}]}}"#
            ),
            "user.lifecycle.delete.completed",
        ),
        (format!(r#"{{"eventType":"user.account.lock",{admin},"target":"mara"}}"#), "user.account"),
    ];
    for (detail, kind) in cases {
        assert_eq!(with_detail(&detail), Err(UnreadableEvent::MissingId { kind }), "{detail}");
    }
}

#[test]
fn an_entry_of_no_known_shape_is_unreadable_without_being_quoted() {
    for detail in ["[]", "7", r#"{"mara":1}"#, r#"{"eventType":{"mara":1}}"#] {
        let error = with_detail(detail).unwrap_err();
        assert!(matches!(error, UnreadableEvent::Shape { .. }), "{detail}: {error}");
        assert!(!format!("{error} {error:?}").contains("mara"));
    }
}

#[test]
fn details_that_are_odd_but_harmless_are_read() {
    let user = r#"{"id":"00uBaysideTove00h7","type":"User"}"#;
    let cases = [
        (format!(r#"{{"eventType":"user.lifecycle.tomorrow","target":[{user}]}}"#), present()),
        (format!(r#"{{"eventType":"user.account.lock","target":[],"actor":{user}}}"#), present()),
        (
            format!(r#"{{"eventType":"user.account.lock","target":[7,{{"id":"g","type":"ROLE"}},{user}]}}"#),
            present(),
        ),
        (
            format!(r#"{{"eventType":"user.lifecycle.delete.completed","published":7,"target":[{user}]}}"#),
            hint(true, None),
        ),
        (r#"{"eventType":"user.lifecycle.password_mass_expiry"}"#.to_owned(), vec![]),
        (r#"{"eventType":"user.mfa.factor.activate","target":7}"#.to_owned(), vec![]),
        (r#"{"eventType":"user.lifecycle"}"#.to_owned(), vec![]),
    ];
    for (detail, expected) in cases {
        assert_eq!(with_detail(&detail), Ok(expected), "{detail}");
    }
}

#[test]
fn another_provider_s_event_is_refused() {
    for name in ["auth0/ingress", "auth0/log-sdu", "scim/ingress"] {
        assert_eq!(named(&event(name)), Err(UnreadableEvent::ForeignSource { expected: "okta".into() }));
    }
    let refused = source("auth0", auth0()).read_event(&event("okta/log-suspended"));
    assert_eq!(refused, Err(UnreadableEvent::ForeignSource { expected: "auth0".into() }));
}
