//! What each event says about a sign-in.

use connectors::{Records, SignIn, SignInEvent, Source, UnreadableEvent};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fixtures::{
    auth0 as auth0_client, counting as auth0_counting, event, okta as okta_client, partner_event,
    read_sign_in, scim_at, source,
};

const LOG_ID: &str = "90020261119114207349000000000000000001223372036900440071";

fn complete(event_id: &str, user_id: &str, application_id: &str, at: &str) -> SignInEvent {
    SignInEvent::Complete(SignIn {
        event_id: event_id.into(),
        user_id: user_id.into(),
        application_id: application_id.into(),
        at: OffsetDateTime::parse(at, &Rfc3339).unwrap(),
    })
}

fn auth0() -> Source {
    source("auth0", auth0_client())
}

/// A tenant for which these types are sign-ins.
fn counting(types: &[&str]) -> Source {
    source("auth0", auth0_counting(types))
}

fn okta() -> Source {
    source("okta", okta_client())
}

fn auth0_sign_in() -> SignInEvent {
    let user = "auth0|6720c4d1a9b8e7f605142233";
    complete(LOG_ID, user, "hB7sP0wq3nC5vX1rT9yU2eL6", "2026-11-19T07:01:55.020Z")
}

fn okta_sign_in(number: u8, application: &str) -> SignInEvent {
    complete(&uuid(number), "00uBaysideTove00h7", application, "2026-11-19T11:42:07.912Z")
}

fn uuid(number: u8) -> String {
    format!("7d3b20f4-c52f-11f1-8a60-0b1c2d3e4{number:03}")
}

fn incomplete(event_id: impl Into<String>) -> SignInEvent {
    SignInEvent::Incomplete { event_id: event_id.into() }
}

#[test]
fn every_recorded_sign_in_is_read() {
    let cases = [
        ("auth0/log-login", auth0_sign_in()),
        ("auth0/log-login-bare-reduced", auth0_sign_in()),
        ("auth0/log-login-incomplete", incomplete(LOG_ID)),
        ("auth0/log-sdu", SignInEvent::Ignored),
        ("auth0/log-sapi-block", SignInEvent::Ignored),
        ("auth0/stream-user-updated", SignInEvent::Ignored),
        ("auth0/ingress", SignInEvent::Ignored),
    ];
    for (name, expected) in cases {
        assert_eq!(read_sign_in(&auth0(), &event(name)), Ok(expected), "{name}");
    }
    let cases = [
        ("okta/log-sign-on", okta_sign_in(7, "0oaBaysidePort0h7")),
        ("okta/log-sign-on-reduced", okta_sign_in(8, "0oaBaysidePort0h7")),
        ("okta/log-sign-on-other-target-reduced", incomplete(uuid(9))),
        ("okta/log-session-reduced", okta_sign_in(10, "okta")),
        ("okta/log-sign-on-refused", SignInEvent::Ignored),
        ("okta/log-suspended", SignInEvent::Ignored),
        ("okta/ingress", SignInEvent::Ignored),
    ];
    for (name, expected) in cases {
        assert_eq!(read_sign_in(&okta(), &event(name)), Ok(expected), "{name}");
    }
}

/// What a client reads from an event of its provider with this detail.
fn with_detail(source: &Source, partner: &str, detail: &str) -> Result<SignInEvent, UnreadableEvent> {
    read_sign_in(source, &partner_event(&format!("aws.partner/{partner}/t"), detail))
}

#[test]
fn an_auth0_entry_that_lacks_a_field_is_incomplete() {
    let entry = r#""date":"2026-11-19T07:01:55Z","client_id":"c1","user_id":"5a","strategy":"auth0","strategy_type":"database""#;
    for code in ["s", "scoa", "sens"] {
        let read = with_detail(
            &auth0(),
            "auth0.com",
            &format!(r#"{{"log_id":"9","data":{{"type":"{code}",{entry}}}}}"#),
        );
        assert_eq!(read, Ok(complete("9", "auth0|5a", "c1", "2026-11-19T07:01:55Z")), "{code}");
    }
    for (whole, part) in [
        (r#""strategy_type":"database""#, r#""strategy_type":"social""#),
        (r#""client_id":"c1""#, r#""client_id":"""#),
        (r#""user_id":"5a""#, r#""user_id":null"#),
        ("2026-11-19", "yesterday"),
    ] {
        let detail = format!(r#"{{"data":{{"type":"s","log_id":"9",{}}}}}"#, entry.replace(whole, part));
        assert_eq!(with_detail(&auth0(), "auth0.com", &detail), Ok(incomplete("9")), "{detail}");
    }
    let nameless = with_detail(&auth0(), "auth0.com", &format!(r#"{{"data":{{"type":"s",{entry}}}}}"#));
    assert_eq!(nameless, Err(UnreadableEvent::MissingId { kind: "s" }));
    let read = |client: &Source, code: &str| {
        with_detail(client, "auth0.com", &format!(r#"{{"log_id":"9","data":{{"type":"{code}",{entry}}}}}"#))
    };
    for code in ["f", "ssa", "sertft", "sepft"] {
        assert_eq!(read(&auth0(), code), Ok(SignInEvent::Ignored), "{code}");
    }
    let silent = counting(&["s", "ssa", "sertft"]);
    for code in ["s", "ssa", "sertft"] {
        assert!(matches!(read(&silent, code), Ok(SignInEvent::Complete(_))), "{code}");
    }
    assert_eq!(read(&silent, "sens"), Ok(SignInEvent::Ignored));
}

/// On an existing session, an entry has no strategy. A whole ID does not need one.
#[test]
fn an_auth0_entry_without_a_strategy_is_complete_if_its_user_id_is() {
    let entry = |code: &str, user: &str| {
        format!(
            r#"{{"log_id":"9","data":{{"type":"{code}","date":"2026-11-19T07:01:55Z","client_id":"c1","user_id":"{user}"}}}}"#
        )
    };
    for code in ["s", "sens", "ssa"] {
        let read = with_detail(&counting(&["s", "sens", "ssa"]), "auth0.com", &entry(code, "auth0|5a"));
        assert_eq!(read, Ok(complete("9", "auth0|5a", "c1", "2026-11-19T07:01:55Z")), "{code}");
    }
    assert_eq!(with_detail(&auth0(), "auth0.com", &entry("s", "5a")), Ok(incomplete("9")));
}

#[test]
fn an_okta_entry_that_lacks_a_field_is_incomplete() {
    let start = r#"{"eventType":"user.session.start","uuid":"9a","published":"2026-11-19T07:01:55Z","outcome":{"result":"SUCCESS"},"actor":{"id":"00u1","type":"User"},"target":[{"id":"0oa1","type":"AppInstance"}]}"#;
    let to = |application| Ok(complete("9a", "00u1", application, "2026-11-19T07:01:55Z"));
    let sign_on = start.replace("user.session.start", "app.oauth2.signon");
    assert_eq!(with_detail(&okta(), "okta.com", start), to("okta"));
    assert_eq!(with_detail(&okta(), "okta.com", &sign_on), to("0oa1"));
    assert_eq!(with_detail(&okta(), "okta.com", &sign_on.replace("target", "no_target")), to("okta"));
    for (whole, part) in [
        (r#""result":"SUCCESS""#, ""),
        (r#""id":"00u1","#, ""),
        ("2026-11-19", "yesterday"),
        ("AppInstance", "AppUser"),
    ] {
        let read = with_detail(&okta(), "okta.com", &sign_on.replace(whole, part));
        assert_eq!(read, Ok(incomplete("9a")), "{part}");
    }
    for (whole, part) in [("SUCCESS", "FAILURE"), (r#""type":"User""#, r#""type":"PublicClientApp""#)] {
        assert_eq!(with_detail(&okta(), "okta.com", &sign_on.replace(whole, part)), Ok(SignInEvent::Ignored));
    }
    let nameless = with_detail(&okta(), "okta.com", &sign_on.replace("uuid", "no_uuid"));
    assert_eq!(nameless, Err(UnreadableEvent::MissingId { kind: "app.oauth2.signon" }));
}

#[test]
fn scim_has_no_sign_ins_and_no_provider_reads_another_s() {
    assert!(scim_at("http://127.0.0.1:9").sign_ins().is_none());
    let foreign = |expected: &str| Err(UnreadableEvent::ForeignSource { expected: expected.to_owned() });
    assert_eq!(read_sign_in(&okta(), &event("auth0/log-login")), foreign("okta"));
    assert_eq!(read_sign_in(&auth0(), &event("okta/log-sign-on")), foreign("auth0"));
}
