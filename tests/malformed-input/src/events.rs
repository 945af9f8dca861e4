//! Events from a queue: the envelope, our announcements, and every provider's reader.

use std::sync::LazyLock;

use event_contract::{Announcement, Envelope, IngressChange, MAX_DETAIL_BYTES, RecordHint};
use provider_crm::{
    CrmEvent, CrmProvider, HubSpotClient, HubSpotConfig, SalesforceAuth, SalesforceClient, SalesforceConfig,
};
use provider_identity::{
    IdentityProvider, PersonaClient, PersonaConfig, StripeClient, StripeConfig, read_any_event,
};
use provider_sso::{
    Auth0Client, Auth0Config, Cloud, EntraAuth, EntraClient, EntraConfig, OktaAuth, OktaClient, OktaConfig,
    ScimClient, ScimConfig, SignInEvent, SsoProvider,
};

use crate::marker::{planted, says_nothing};

/// An address without a server. No call is sent.
const NOWHERE: &str = "http://127.0.0.1:9";

static AUTH0: LazyLock<Auth0Client> = LazyLock::new(|| auth0(NOWHERE));
static ENTRA: LazyLock<EntraClient> = LazyLock::new(|| entra(NOWHERE));
static OKTA: LazyLock<OktaClient> = LazyLock::new(|| okta(NOWHERE));
static SCIM: LazyLock<ScimClient> = LazyLock::new(|| scim(NOWHERE));
static SALESFORCE: LazyLock<SalesforceClient> = LazyLock::new(|| salesforce(NOWHERE));
static HUBSPOT: LazyLock<HubSpotClient> = LazyLock::new(|| hubspot(NOWHERE));
static STRIPE: LazyLock<StripeClient> = LazyLock::new(|| stripe(NOWHERE));
static PERSONA: LazyLock<PersonaClient> = LazyLock::new(|| persona(NOWHERE));

pub(crate) fn auth0(url: &str) -> Auth0Client {
    let (client_id, client_secret) = ("coppice".into(), "a secret".into());
    let domain = url.parse().unwrap();
    Auth0Client::new(
        Auth0Config {
            domain,
            client_id,
            client_secret,
            audience: None,
            sign_ins: provider_sso::SignInTypes::default(),
        },
        |_| {},
    )
    .unwrap()
}

pub(crate) fn entra(url: &str) -> EntraClient {
    let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
    let (tenant_id, client_id) = ("9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5".into(), "coppice".into());
    let auth = EntraAuth::Secret("a secret".into());
    EntraClient::new(EntraConfig { tenant_id, client_id, auth, cloud }, |_| {}).unwrap()
}

pub(crate) fn okta(url: &str) -> OktaClient {
    let auth = OktaAuth::ApiToken("a secret".into());
    OktaClient::new(OktaConfig { org_url: url.parse().unwrap(), auth }, |_| {}).unwrap()
}

pub(crate) fn scim(url: &str) -> ScimClient {
    ScimClient::new(ScimConfig { base_url: url.parse().unwrap(), token: "a secret".into() }, |_| {}).unwrap()
}

pub(crate) fn salesforce(url: &str) -> SalesforceClient {
    let (client_id, client_secret) = ("coppice".into(), "a secret".into());
    let auth = SalesforceAuth::ClientCredentials { client_id, client_secret };
    SalesforceClient::new(SalesforceConfig::new(url.parse().unwrap(), url.parse().unwrap(), auth), |_| {})
        .unwrap()
}

pub(crate) fn hubspot(url: &str) -> HubSpotClient {
    let (base_url, token) = (url.parse().unwrap(), "a secret".into());
    let key_property = "coppice_person_key".to_owned();
    HubSpotClient::new(HubSpotConfig { base_url, token, portal: None, key_property }, |_| {}).unwrap()
}

pub(crate) fn stripe(url: &str) -> StripeClient {
    let (base_url, api_key) = (url.parse().unwrap(), "a secret".into());
    StripeClient::new(StripeConfig { base_url, api_key, account: None, date_of_birth: true }, |_| {}).unwrap()
}

pub(crate) fn persona(url: &str) -> PersonaClient {
    PersonaClient::new(PersonaConfig { base_url: url.parse().unwrap(), api_key: "a secret".into() }, |_| {})
        .unwrap()
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
    each_envelope(input, |envelope| user_event(&*AUTH0, envelope));
}

/// Message bodies as events about Entra's users. One names none: the provider has lost events.
pub fn entra_event(input: &[u8]) {
    each_envelope(input, |envelope| match envelope.ingress_change() {
        Ok(IngressChange::Missed) => match ENTRA.read_event(envelope) {
            Ok(hints) => assert_eq!(hints, [RecordHint::everything()]),
            Err(error) => says_nothing(&error),
        },
        _ => user_event(&*ENTRA, envelope),
    });
}

/// Message bodies as events about Okta's users.
pub fn okta_event(input: &[u8]) {
    each_envelope(input, |envelope| user_event(&*OKTA, envelope));
}

/// Message bodies as events about a SCIM server's users.
pub fn scim_event(input: &[u8]) {
    each_envelope(input, |envelope| user_event(&*SCIM, envelope));
}

/// Message bodies as events about Salesforce's contacts.
pub fn salesforce_event(input: &[u8]) {
    each_envelope(input, |envelope| contact_event(&*SALESFORCE, envelope));
}

/// Message bodies as events about `HubSpot`'s contacts.
pub fn hubspot_event(input: &[u8]) {
    each_envelope(input, |envelope| contact_event(&*HUBSPOT, envelope));
}

/// Message bodies as events about Stripe's sessions.
pub fn stripe_event(input: &[u8]) {
    each_envelope(input, |envelope| case_event(&*STRIPE, envelope));
}

/// Message bodies as events about Persona's inquiries.
pub fn persona_event(input: &[u8]) {
    each_envelope(input, |envelope| case_event(&*PERSONA, envelope));
}

/// Message bodies as sign-ins, read by every identity provider.
pub fn sign_in(input: &[u8]) {
    each_envelope(input, |envelope| {
        read_sign_in(&*AUTH0, envelope);
        read_sign_in(&*ENTRA, envelope);
        read_sign_in(&*OKTA, envelope);
        read_sign_in(&*SCIM, envelope);
    });
}

fn user_event(provider: &impl SsoProvider, envelope: &Envelope) {
    match provider.read_event(envelope) {
        Ok(hints) => hints.iter().for_each(|RecordHint { id, .. }| is_id(id)),
        Err(error) => says_nothing(&error),
    }
}

fn contact_event(provider: &impl CrmProvider, envelope: &Envelope) {
    match provider.read_event(envelope) {
        Ok(CrmEvent::Contacts(hints)) => hints.iter().for_each(|hint| is_id(&hint.id)),
        Ok(CrmEvent::ResyncAll | CrmEvent::Ignored) => {}
        Err(error) => says_nothing(&error),
    }
}

fn case_event(provider: &impl IdentityProvider, envelope: &Envelope) {
    match provider.read_event(envelope) {
        Ok(hints) => hints.iter().for_each(|RecordHint { id, .. }| is_id(id)),
        Err(error) => says_nothing(&error),
    }
}

fn read_sign_in(provider: &impl SsoProvider, envelope: &Envelope) {
    match provider.read_sign_in(envelope) {
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
    match envelope.source.strip_prefix(event_contract::INGRESS_SOURCE_PREFIX) {
        Some("auth0") => assert!(AUTH0.read_event(envelope).is_ok_and(|hints| !hints.is_empty())),
        // A client refuses the events of other tenants than its own.
        Some("entra") => {
            assert!(provider_sso::read_any_event(envelope).is_ok_and(|(_, hints)| !hints.is_empty()));
        }
        Some("okta") => assert!(OKTA.read_event(envelope).is_ok_and(|hints| !hints.is_empty())),
        Some("scim") => assert!(SCIM.read_event(envelope).is_ok_and(|hints| !hints.is_empty())),
        // A client refuses the events of other accounts than its own.
        Some("stripe") => assert!(read_any_event(envelope).is_ok_and(|(_, hints)| !hints.is_empty())),
        Some("persona") => assert!(PERSONA.read_event(envelope).is_ok_and(|hints| !hints.is_empty())),
        Some("hubspot") => assert!(
            matches!(HUBSPOT.read_event(envelope), Ok(CrmEvent::Contacts(hints)) if !hints.is_empty())
        ),
        Some("contentful" | "standard-webhooks") => {}
        _ => panic!("the ingress publishes for {}", envelope.source),
    }
}

pub(crate) fn is_id(id: &str) {
    assert!(!id.is_empty(), "an ID is empty");
}
