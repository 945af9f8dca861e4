//! Which cases each recorded event names.

use connectors::{ProviderError, RecordHint, UnreadableEvent};
use event_contract::Envelope;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use provider_http::test_server::{NOWHERE, answering};

use crate::fixtures::{
    Make, event, hints, partner_event, persona_at, record, source, source_of, stripe_at, stripe_of,
};

const SESSION: &str = "vs_1QmHarbor0001AbCd";
const INQUIRY: &str = "inq_zHarbor84ShbUyuwX6AzPSq";

fn hint(id: &str, not_before: Option<&str>) -> RecordHint {
    let not_before = not_before.map(|time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
    RecordHint { not_before, ..RecordHint::changed(id.to_owned()) }
}

/// The sessions that an event names, for an account whose mode is not known.
fn stripe(event: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    hints(source_of("stripe", stripe_at(NOWHERE)).read_event(event))
}

/// The inquiries that an event names.
fn persona(event: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    hints(source_of("persona", persona_at(NOWHERE)).read_event(event))
}

#[test]
fn every_recorded_event_names_its_cases() {
    let cases = [
        ("stripe/verified", vec![hint(SESSION, None)]),
        ("stripe/verified-reduced", vec![hint(SESSION, None)]),
        // The bound is dropped: a session has no version.
        ("stripe/ingress", vec![hint(SESSION, None), hint("vs_1QmHarbor0002AbCd", None)]),
    ];
    for (name, expected) in cases {
        assert_eq!(stripe(&event(name)), Ok(expected), "{name}");
    }
    let updated = Some("2026-11-22T18:06:12Z");
    assert_eq!(persona(&event("persona/ingress")), Ok(vec![hint(INQUIRY, updated)]));
}

/// The cases that Stripe's partner event with this detail names.
fn partner(detail: &str) -> Result<Vec<RecordHint>, UnreadableEvent> {
    stripe(&partner_event("aws.partner/stripe.com/ed_1", detail))
}

#[test]
fn every_change_of_a_session_names_it_and_nothing_else_does() {
    for change in
        ["created", "processing", "requires_input", "verified", "canceled", "redacted", "a_kind_of_tomorrow"]
    {
        let detail = format!(
            r#"{{"type":"identity.verification_session.{change}","data":{{"object":{{"id":"vs_1"}}}}}}"#
        );
        assert_eq!(partner(&detail), Ok(vec![hint("vs_1", None)]), "{change}");
    }
    for other in [
        "charge.succeeded",
        "identity.verification_report.verified",
        "identity.verification_sessions.x",
        "identity.verification_session",
        "v2.core.event_destination.ping",
    ] {
        let detail = format!(r#"{{"type":"{other}","data":{{"object":{{"id":"vs_1"}}}}}}"#);
        assert_eq!(partner(&detail), Ok(vec![]), "{other}");
    }
}

#[test]
fn an_event_that_should_name_a_session_and_does_not_is_unreadable() {
    let kind = "identity.verification_session";
    for data in
        ["null", "{}", "[]", "7", r#"{"object":null}"#, r#"{"object":{"id":""}}"#, r#"{"object":{"id":7}}"#]
    {
        let detail = format!(r#"{{"type":"{kind}.verified","data":{data}}}"#);
        assert_eq!(partner(&detail), Err(UnreadableEvent::MissingId { kind }), "{data}");
    }
}

#[test]
fn a_text_that_is_not_a_case_s_id_becomes_no_case() {
    let session = UnreadableEvent::NotAnId { of: "a verification session of Stripe" };
    for id in ["vs_*", "*", "vs_", "vr_1QmHarbor", "mara@example.org"] {
        let detail = format!(
            r#"{{"type":"identity.verification_session.verified","data":{{"object":{{"id":"{id}"}}}}}}"#
        );
        assert_eq!(partner(&detail), Err(session.clone()), "{id}");
        let ids = format!(r#"{{"ids":["{SESSION}","{id}"],"change":"changed"}}"#);
        let webhook = partner_event("coppice.ingress.stripe", &ids);
        assert_eq!(stripe(&webhook), Err(session.clone()), "{id}");
    }
    let inquiry = UnreadableEvent::NotAnId { of: "an inquiry of Persona" };
    for id in ["inq_*", "*", "inq_", "act_1", "inq_1/../2"] {
        let ids = format!(r#"{{"ids":["{INQUIRY}","{id}"],"change":"changed"}}"#);
        let webhook = partner_event("coppice.ingress.persona", &ids);
        assert_eq!(persona(&webhook), Err(inquiry.clone()), "{id}");
    }
}

#[test]
fn an_event_of_another_account_or_mode_is_refused_with_the_setting_that_chooses_it() {
    let event = |more: &str| {
        let kind = "identity.verification_session.verified";
        format!(r#"{{"type":"{kind}",{more}"data":{{"object":{{"id":"vs_connected"}}}}}}"#)
    };
    let session = || Ok(vec![hint("vs_connected", None)]);
    let refused = |setting| Err(UnreadableEvent::OtherAccount { setting });
    let connected = r#""account":"acct_1Connected7","livemode":true,"#;
    let of = |account| source("stripe", stripe_of(account, "rk_live_x"));
    let (own, connected_client) = (of(None), of(Some("acct_1Connected7")));
    for (more, of_own, of_connected) in [
        (connected, refused("account"), session()),
        (r#""livemode":true,"#, session(), refused("account")),
        (r#""livemode":false,"#, refused("api_key"), refused("account")),
        (r#""account":"acct_1Connected7","livemode":false,"#, refused("account"), refused("api_key")),
    ] {
        let event = partner_event("aws.partner/stripe.com/ed_1", &event(more));
        assert_eq!(hints(own.read_event(&event)), of_own, "{more}");
        assert_eq!(hints(connected_client.read_event(&event)), of_connected, "{more}");
    }
    let webhook = |account: &str| {
        let detail = format!(r#"{{"ids":["vs_connected"],"change":"changed","account":"{account}"}}"#);
        partner_event("coppice.ingress.stripe", &detail)
    };
    assert_eq!(hints(own.read_event(&webhook("acct_1Connected7 live"))), refused("account"));
    assert_eq!(hints(connected_client.read_event(&webhook("acct_1Connected7 live"))), session());
    assert_eq!(hints(own.read_event(&webhook("test"))), refused("api_key"));
    let other_kind = r#"{"type":"charge.succeeded","account":"acct_1Connected7","livemode":false}"#;
    assert_eq!(hints(own.read_event(&partner_event("aws.partner/stripe.com/ed_1", other_kind))), Ok(vec![]));
}

#[tokio::test]
async fn an_answer_about_another_case_is_malformed() {
    let (one, other) = (record("stripe/session"), record("persona/inquiry"));
    for (make, answer, id) in [(stripe_at as Make, one, "vs_other"), (persona_at, other, "inq_other")] {
        let fetched = make(&answering(200, &[], &answer).await).fetch(id, None).await;
        assert_eq!(fetched, Err(ProviderError::WHOLE_REPLY_MALFORMED), "{id}");
    }
}

#[test]
fn an_event_of_no_known_shape_is_unreadable_without_being_quoted() {
    let details = ["[]", "7", r#"{"mara":1}"#, r#"{"type":{"mara":1}}"#, r#"{"ids":["a"],"mara":1}"#];
    for detail in details {
        for outcome in [
            partner(detail),
            stripe(&partner_event("coppice.ingress.stripe", detail)),
            persona(&partner_event("coppice.ingress.persona", detail)),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, UnreadableEvent::Shape { .. }), "{detail}: {error}");
            assert!(!format!("{error} {error:?}").contains("mara"));
        }
    }
}

#[test]
fn another_provider_s_event_is_refused() {
    for name in ["stripe/verified", "stripe/verified-reduced", "stripe/ingress"] {
        let refused = persona(&event(name));
        assert_eq!(refused, Err(UnreadableEvent::ForeignSource { expected: "persona".into() }), "{name}");
    }
    for source in ["coppice.ingress.persona", "coppice.ingress.stripe2", "coppice", "aws.partner/stripe.com"]
    {
        let refused = stripe(&partner_event(source, r#"{"ids":["vs_1"],"change":"changed"}"#));
        assert_eq!(refused, Err(UnreadableEvent::ForeignSource { expected: "stripe".into() }), "{source}");
    }
}
