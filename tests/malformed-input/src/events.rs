//! Events from a queue: the envelope, our announcements, and every provider's reader.

use std::sync::{Arc, LazyLock};

use connectors::{
    Auth0Client, Auth0Config, Cloud, EntraAuth, EntraClient, EntraConfig, HandedOverClient, HubSpotClient,
    HubSpotConfig, Mapping, OktaAuth, OktaClient, OktaConfig, PersonaClient, PersonaConfig, RecordEvent,
    Records, RestClient, SalesforceAuth, SalesforceClient, SalesforceConfig, ScimClient, ScimConfig,
    SignInEvent, SignInTypes, Source, SourceEvents, StripeClient, StripeConfig, Vendor,
};
use event_contract::{Announcement, Envelope, MAX_DETAIL_BYTES};
use serde_json::json;

use crate::marker::{planted, says_nothing};

/// An address without a server. No call is sent.
const NOWHERE: &str = "http://127.0.0.1:9";

static AUTH0: LazyLock<Source> = LazyLock::new(|| source("auth0", auth0(NOWHERE)));
static ENTRA: LazyLock<Source> = LazyLock::new(|| source("entra", entra(NOWHERE)));
static OKTA: LazyLock<Source> = LazyLock::new(|| source("okta", okta(NOWHERE)));
static SCIM: LazyLock<Source> = LazyLock::new(|| source("scim", scim(NOWHERE)));
static SALESFORCE: LazyLock<Source> = LazyLock::new(|| source("salesforce", salesforce(NOWHERE)));
static HUBSPOT: LazyLock<Source> = LazyLock::new(|| source("hubspot", hubspot(NOWHERE)));
static STRIPE: LazyLock<Source> = LazyLock::new(|| source("stripe", stripe(NOWHERE)));
static HANDED_OVER: LazyLock<Source> =
    LazyLock::new(|| source("handed-over", HandedOverClient::new(Mapping::default())));
static PERSONA: LazyLock<Source> = LazyLock::new(|| source("persona", persona(NOWHERE)));
static REST: LazyLock<Source> = LazyLock::new(|| source("rest", rest(NOWHERE)));

/// A source that is named like its connector.
fn source(connector: &str, client: impl Records) -> Source {
    let connector = connectors::connector(connector).unwrap();
    let events =
        SourceEvents { name: connector.name.into(), connector, partner_sources: Vec::new(), bus: None };
    Source { events, role: connector.roles[0], records: Arc::new(client) }
}

pub(crate) fn auth0(url: &str) -> Auth0Client {
    let config = Auth0Config {
        url: url.parse().unwrap(),
        client_id: "coppice".into(),
        client_secret: "a secret".into(),
        audience: None,
        sign_ins: SignInTypes::default(),
    };
    Auth0Client::client(config, |_| {}).unwrap()
}

pub(crate) fn entra(url: &str) -> EntraClient {
    let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
    let (tenant_id, client_id) = ("9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5".into(), "coppice".into());
    let auth = EntraAuth::Secret("a secret".into());
    EntraClient::client(EntraConfig { tenant_id, client_id, auth, cloud, notifications: None }, |_| {})
        .unwrap()
}

pub(crate) fn okta(url: &str) -> OktaClient {
    let auth = OktaAuth::ApiToken("a secret".into());
    OktaClient::client(OktaConfig { url: url.parse().unwrap(), auth }, |_| {}).unwrap()
}

pub(crate) fn scim(url: &str) -> ScimClient {
    ScimClient::client(ScimConfig { url: url.parse().unwrap(), token: "a secret".into() }, |_| {}).unwrap()
}

pub(crate) fn salesforce(url: &str) -> SalesforceClient {
    let (client_id, client_secret) = ("coppice".into(), "a secret".into());
    let auth = SalesforceAuth::ClientCredentials { client_id, client_secret };
    let (url, login_url) = (url.parse().unwrap(), url.parse().unwrap());
    SalesforceClient::client(SalesforceConfig { url, login_url, auth, organization: None }, |_| {}).unwrap()
}

pub(crate) fn hubspot(url: &str) -> HubSpotClient {
    let (url, token) = (url.parse().unwrap(), "a secret".into());
    let key_property = "coppice_person_key".to_owned();
    HubSpotClient::client(HubSpotConfig { url, token, portal: None, key_property }, |_| {}).unwrap()
}

pub(crate) fn stripe(url: &str) -> StripeClient {
    let (url, api_key) = (url.parse().unwrap(), "a secret".into());
    StripeClient::client(StripeConfig { url, api_key, account: None, date_of_birth: true }, |_| {}).unwrap()
}

pub(crate) fn persona(url: &str) -> PersonaClient {
    let config = PersonaConfig { url: url.parse().unwrap(), api_key: "a secret".into() };
    PersonaClient::client(config, |_| {}).unwrap()
}

/// A description that uses each kind of path, condition and transformation.
pub(crate) fn rest(url: &str) -> RestClient {
    let config = serde_json::from_value(json!({
        "url": url,
        "auth": {"kind": "bearer", "token": "a secret"},
        "fetch": {
            "path": "/people/{id}", "record": "$.person", "gone": {"status": [404, 410], "when": "$.status == 'closed'"},
            "version": {"path": "$.updated", "format": "rfc3339"}
        },
        "batch": {"path": "/people?ids={ids}", "max": 20, "items": "$.people[*]"},
        "list": {
            "path": "/people", "items": "$.people[*]", "next": {"link": "$.next"}, "total": "$.total"
        },
        "changes": {"path": "/people?since={since}"},
        "map": {
            "key": "$.key",
            "given_name": "$.name.first",
            "family_name": {"join": ["$.name.prefix", "$.name.last"], "trim": true},
            "phone": {"first": ["$.phones[?@.kind == 'mobile'].number", "$.phone"]},
            "email": {"path": "$.email", "when": "$.email_confirmed == true", "case": "lower"},
            "birthdate": {"path": "$.born", "date": "[day].[month].[year]"},
            "locale": {"path": "$.lang", "values": {"english": "en", "spanish": "es"}},
            "mailing_address": "$.address"
        }
    }));
    RestClient::client(config.unwrap(), |_| {}).unwrap()
}

/// Reads the input as a message body, as it is and with the marker in it.
fn each_envelope(input: &[u8], check: impl Fn(&Envelope)) {
    let Ok(text) = str::from_utf8(input) else { return };
    for body in [text, &planted(text)] {
        match Envelope::parse(body) {
            Ok(envelope) => check(&envelope),
            Err(error) => says_nothing(&error),
        }
    }
}

/// Message bodies as internal events.
pub fn envelope_announcement(input: &[u8]) {
    each_envelope(input, |envelope| match Announcement::parse(envelope) {
        Ok((kind, announcement)) => {
            let detail = announcement.to_detail();
            assert!(detail.len() <= MAX_DETAIL_BYTES && kind.detail_type() == envelope.detail_type);
            assert_eq!(serde_json::from_str::<Announcement>(&detail).unwrap(), announcement);
        }
        Err(error) => says_nothing(&error),
    });
}

/// Message bodies as events about Auth0's users.
pub fn auth0_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&AUTH0, envelope));
}

/// Message bodies as events about Entra's users. One names none: the provider has lost events.
pub fn entra_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&ENTRA, envelope));
}

/// Message bodies as events about Okta's users.
pub fn okta_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&OKTA, envelope));
}

/// Message bodies as events about a SCIM server's users.
pub fn scim_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&SCIM, envelope));
}

/// Message bodies as events about Salesforce's contacts.
pub fn salesforce_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&SALESFORCE, envelope));
}

/// Message bodies as events about HubSpot's contacts.
pub fn hubspot_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&HUBSPOT, envelope));
}

/// Message bodies as events about Stripe's sessions.
pub fn stripe_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&STRIPE, envelope));
}

/// Message bodies as events about Persona's inquiries.
pub fn persona_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&PERSONA, envelope));
}

/// Message bodies as events of a described API.
pub fn rest_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&REST, envelope));
}

/// Message bodies as events about records that were handed over.
pub fn handed_over_event(input: &[u8]) {
    each_envelope(input, |envelope| record_event(&HANDED_OVER, envelope));
}

/// Message bodies as sign-ins, read by every identity provider that has a log of them.
pub fn sign_in(input: &[u8]) {
    each_envelope(input, |envelope| {
        for source in [&*AUTH0, &*ENTRA, &*OKTA, &*SCIM, &*SALESFORCE, &*HUBSPOT, &*STRIPE, &*PERSONA, &*REST]
        {
            read_sign_in(source, envelope);
        }
    });
}

fn record_event(source: &Source, envelope: &Envelope) {
    for read in [source.read_event(envelope), source.events.read(envelope)] {
        match read {
            Ok(RecordEvent::Records(hints)) => hints.iter().for_each(|hint| is_id(&hint.id)),
            Ok(RecordEvent::Everything) => {}
            Err(error) => says_nothing(&error),
        }
    }
}

fn read_sign_in(source: &Source, envelope: &Envelope) {
    let Some(sign_ins) = source.records.sign_ins() else { return };
    let origin = source.events.origin(envelope);
    match origin.and_then(|origin| sign_ins.read_sign_in(envelope, origin)) {
        Ok(SignInEvent::Complete(sign_in)) => {
            is_id(&sign_in.event_id);
            is_id(&sign_in.user_id);
            is_id(&sign_in.application_id);
        }
        Ok(SignInEvent::Incomplete { event_id }) => is_id(&event_id),
        Ok(SignInEvent::Ignored) => {}
        Err(error) => says_nothing(&error),
    }
}

/// Checks that the provider's reader can read an event of the ingress.
pub(crate) fn is_readable(envelope: &Envelope) {
    let source: &Source = match envelope.source.strip_prefix(event_contract::INGRESS_SOURCE_PREFIX) {
        Some("auth0") => &AUTH0,
        Some("entra") => &ENTRA,
        Some("okta") => &OKTA,
        Some("scim") => &SCIM,
        Some("hubspot") => &HUBSPOT,
        Some("stripe") => &STRIPE,
        Some("persona") => &PERSONA,
        Some("rest") => &REST,
        Some("handed-over") => &HANDED_OVER,
        Some("contentful" | "standard-webhooks") => return,
        _ => panic!("the ingress publishes for {}", envelope.source),
    };
    // A client refuses the events of other accounts than its own.
    let read = if envelope.source.ends_with("stripe") || envelope.source.ends_with("entra") {
        source.events.read(envelope)
    } else {
        source.read_event(envelope)
    };
    match read {
        Ok(RecordEvent::Records(hints)) => assert!(!hints.is_empty()),
        Ok(RecordEvent::Everything) => assert!(envelope.source.ends_with("entra")),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn is_id(id: &str) {
    assert!(!id.is_empty(), "an ID is empty");
}
