//! Which events a source reads: those of its own name, and those of its partner event sources.

use connectors::{Origin, Source, SourceEvents, UnreadableEvent};

use crate::fixtures::{auth0, event, hints, partner_event, source};

/// A source of Auth0 that is not named like its connector.
fn staff(partner_sources: &[&str]) -> Source {
    let own = source("auth0", auth0());
    let partner_sources = partner_sources.iter().map(|name| (*name).to_owned()).collect();
    Source { events: SourceEvents { name: "staff".into(), partner_sources, ..own.events }, ..own }
}

const UPDATED: &str = r#"{"type":"user.updated","data":{"object":{"user_id":"auth0|1"}}}"#;
const INGRESS: &str = r#"{"ids":["auth0|1"],"change":"changed"}"#;

#[test]
fn an_event_of_the_ingress_names_the_source_and_a_partner_event_its_vendor() {
    let staff = staff(&[]);
    for (from, detail, origin) in [
        ("coppice.ingress.staff", INGRESS, Origin::Ingress),
        ("aws.partner/auth0.com/t1/auth0.logs", UPDATED, Origin::Partner),
        ("aws.partner/auth0.com/t2/auth0.logs", UPDATED, Origin::Partner),
    ] {
        let event = partner_event(from, detail);
        assert_eq!(staff.events.origin(&event), Ok(origin), "{from}");
        assert_eq!(hints(staff.read_event(&event)).unwrap()[0].id, "auth0|1", "{from}");
        assert_eq!(staff.events.read(&event), staff.read_event(&event), "{from}");
    }
}

#[test]
fn an_event_of_another_source_is_refused_with_the_name_of_ours() {
    let staff = staff(&[]);
    for from in [
        "coppice.ingress.auth0",
        "coppice.ingress.staff2",
        "coppice.ingress.",
        "coppice",
        "staff",
        "aws.partner/okta.com/b/p",
        "aws.partner/auth0.com",
    ] {
        let event = partner_event(from, INGRESS);
        let refused = UnreadableEvent::ForeignSource { expected: "staff".into() };
        assert_eq!(refused.to_string(), "event is not from staff");
        assert_eq!(staff.read_event(&event), Err(refused.clone()), "{from}");
        assert_eq!(staff.events.read(&event), Err(refused), "{from}");
    }
}

#[test]
fn a_source_with_partner_event_sources_reads_those_alone() {
    let own = "aws.partner/auth0.com/t1/auth0.logs";
    let staff = staff(&[own]);
    assert!(staff.read_event(&partner_event(own, UPDATED)).is_ok());
    let other = partner_event("aws.partner/auth0.com/t2/auth0.logs", UPDATED);
    let refused = Err(UnreadableEvent::ForeignSource { expected: "staff".into() });
    assert_eq!(staff.read_event(&other), refused);
    assert!(staff.read_event(&partner_event("coppice.ingress.staff", INGRESS)).is_ok());
}

/// SCIM and Persona have no partner event source, whatever a rule sends.
#[test]
fn a_connector_without_partner_event_sources_reads_the_ingress_alone() {
    for connector in connectors::CONNECTORS.iter().filter(|connector| connector.partner.is_none()) {
        let events = SourceEvents {
            name: "x".into(),
            connector,
            partner_sources: vec!["aws.partner/x".into()],
            bus: None,
        };
        let refused = events.origin(&partner_event("aws.partner/x", INGRESS));
        assert_eq!(
            refused,
            Err(UnreadableEvent::ForeignSource { expected: "x".into() }),
            "{}",
            connector.name
        );
    }
    let names: Vec<&str> = connectors::CONNECTORS.iter().map(|connector| connector.name).collect();
    let stable = [
        "auth0",
        "entra",
        "okta",
        "scim",
        "salesforce",
        "hubspot",
        "stripe",
        "persona",
        "rest",
        "handed-over",
    ];
    assert_eq!(names, stable, "rows, queues and rules have these names");
}

#[test]
fn a_source_shows_its_name_alone() {
    assert_eq!(format!("{:?}", staff(&[])), r#"Source { name: "staff", .. }"#);
    assert!(staff(&[]).read_event(&event("auth0/log-sdu")).is_ok());
}
