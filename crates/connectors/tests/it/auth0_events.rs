//! Which users each recorded event names.

use connectors::{RecordHint, UnreadableEvent};
use event_contract::Envelope;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fixtures::{auth0, event, hints, partner_event, scim_at, source};

const TOVE: &str = "auth0|6720c4d1a9b8e7f605142233";
const UPDATED: Option<&str> = Some("2026-11-19T11:42:07.318Z");

fn hint(id: &str, removed: bool, not_before: Option<&str>) -> RecordHint {
    let not_before = not_before.map(|time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
    RecordHint { id: id.to_owned(), removed, not_before }
}

fn present(id: &str, not_before: Option<&str>) -> RecordHint {
    hint(id, false, not_before)
}

fn deleted(id: &str, not_before: Option<&str>) -> RecordHint {
    hint(id, true, not_before)
}

/// The users that an event of the tenant names.
fn named(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    hints(source("auth0", auth0()).read_event(envelope))
}

#[test]
fn every_recorded_event_names_its_users() {
    let cases = [
        ("auth0/stream-user-created", vec![present(TOVE, Some("2026-10-03T08:15:00.120Z"))]),
        ("auth0/stream-user-updated", vec![present(TOVE, UPDATED)]),
        ("auth0/stream-user-updated-reduced", vec![present(TOVE, UPDATED)]),
        (
            "auth0/stream-user-deleted",
            vec![deleted("google-oauth2|115500998877665544332", Some("2026-11-21T06:30:12.900Z"))],
        ),
        ("auth0/stream-organization-member-added", vec![]),
        ("auth0/log-sapi-block", vec![present(TOVE, UPDATED)]),
        ("auth0/log-sapi-reduced", vec![present(TOVE, None)]),
        ("auth0/log-sapi-create", vec![present(TOVE, UPDATED)]),
        ("auth0/log-sapi-delete", vec![deleted(TOVE, Some("2026-11-19T11:42:07.349Z"))]),
        ("auth0/log-sapi-link", vec![present(TOVE, None), present("github|90817263", None)]),
        ("auth0/log-sapi-unlink", vec![present(TOVE, None), present("github|90817263", None)]),
        ("auth0/log-sapi-client", vec![]),
        ("auth0/log-sdu", vec![deleted("auth0|6720c4d1a9b8e7f605142299", Some("2026-11-21T06:30:12.981Z"))]),
        ("auth0/log-member-added", vec![present("6720c4d1a9b8e7f605142233", None)]),
        ("auth0/log-login", vec![]),
        ("auth0/ingress", vec![present(TOVE, UPDATED), present("github|90817263", UPDATED)]),
    ];
    for (name, expected) in cases {
        assert_eq!(named(&event(name)), Ok(expected), "{name}");
    }
}

/// An event of the tenant with this detail.
fn with_detail(detail: &str) -> Result<Vec<RecordHint>, UnreadableEvent> {
    named(&partner_event("aws.partner/auth0.com/t/auth0.logs", detail))
}

#[test]
fn the_acting_administrator_is_never_the_target() {
    for name in
        ["auth0/log-sapi-block", "auth0/log-sapi-create", "auth0/log-sapi-delete", "auth0/log-sapi-reduced"]
    {
        let hints = named(&event(name)).unwrap();
        assert!(hints.iter().all(|hint| hint.id == TOVE), "{name}: {hints:?}");
    }
}

#[test]
fn an_event_that_should_name_a_user_and_does_not_is_unreadable() {
    let cases = [
        (r#"{"type":"user.updated"}"#, "user.updated"),
        (r#"{"type":"user.deleted","data":{"object":{}}}"#, "user.deleted"),
        (r#"{"type":"user.created","data":{"object":{"user_id":""}}}"#, "user.created"),
        (r#"{"data":{"type":"sdu"}}"#, "sdu"),
        (r#"{"data":{"type":"sapi","user_id":"auth0|admin"}}"#, "sapi"),
        (
            r#"{"data":{"type":"sapi","details":{"request":{"method":"patch","path":"/api/v2/users//x"}}}}"#,
            "sapi",
        ),
        (
            r#"{"data":{"type":"sapi","details":{"request":{"method":"patch","path":"/api/v2/users/%FF"}}}}"#,
            "sapi",
        ),
    ];
    for (detail, kind) in cases {
        assert_eq!(with_detail(detail), Err(UnreadableEvent::MissingId { kind }), "{detail}");
    }
}

#[test]
fn an_event_of_no_known_shape_is_unreadable_without_being_quoted() {
    for detail in ["[]", "7", r#"{"mara":1}"#, r#"{"data":"mara"}"#, r#"{"data":{"type":{"mara":1}}}"#] {
        let error = with_detail(detail).unwrap_err();
        assert!(matches!(error, UnreadableEvent::Shape { .. }), "{detail}: {error}");
        assert!(!format!("{error} {error:?}").contains("mara"));
    }
}

#[test]
fn details_that_are_odd_but_harmless_are_read() {
    let cases = [
        (
            r#"{"type":"user.updated","data":{"object":{"user_id":77,"updated_at":{"a":1}}}}"#,
            vec![present("77", None)],
        ),
        (
            r#"{"type":"user.deleted","time":"2026-11-21T06:30:12.9Z","data":{"object":{"user_id":"a|b"}}}"#,
            vec![deleted("a|b", Some("2026-11-21T06:30:12.9Z"))],
        ),
        (r#"{"type":"group.created","data":7}"#, vec![]),
        (r#"{"data":{"type":"f","user_id":{},"strategy":7}}"#, vec![]),
        (r#"{"data":{"type":"a_code_of_tomorrow"}}"#, vec![]),
        (r#"{"data":{"type":"f","details":"user is blocked"}}"#, vec![]),
        (
            r#"{"data":{"type":"scu","user_id":"5a","strategy":"auth0","strategy_type":"database","details":[1]}}"#,
            vec![present("auth0|5a", None)],
        ),
        (
            r#"{"data":{"type":"scu","user_id":"5a","strategy":"google-oauth2","strategy_type":"social"}}"#,
            vec![present("5a", None)],
        ),
        (
            r#"{"data":{"type":"sapi","details":{"request":{"method":"get","path":"/api/v2/users/a%7Cb"}}}}"#,
            vec![],
        ),
        (
            r#"{"data":{"type":"sapi","details":{"request":{"method":"post","path":"/api/v2/users/a%7Cb/roles?x=1"}}}}"#,
            vec![present("a|b", None)],
        ),
        (
            r#"{"data":{"type":"sapi","details":{"request":{"method":"post","path":"/api/v2/users-by-email"}}}}"#,
            vec![],
        ),
    ];
    for (detail, expected) in cases {
        assert_eq!(with_detail(detail), Ok(expected), "{detail}");
    }
}

#[test]
fn another_provider_s_event_is_refused() {
    let scim = source("scim", scim_at("http://127.0.0.1:9"));
    assert_eq!(
        hints(scim.read_event(&event("scim/ingress"))),
        Ok(vec![deleted("7c1d0e6a52f84b5c9a3e11d0b4f6a820", None)])
    );
    for name in ["auth0/ingress", "auth0/log-sdu"] {
        assert_eq!(
            scim.read_event(&event(name)),
            Err(UnreadableEvent::ForeignSource { expected: "scim".into() })
        );
    }
    let refused = named(&event("scim/ingress"));
    assert_eq!(refused, Err(UnreadableEvent::ForeignSource { expected: "auth0".into() }));
}
