//! The simulated providers, one for each source of a forest. Their state is the truth for the comparison.

use std::collections::BTreeSet;

use authority::{Field, Role};
use connectors::{Limits, Mapping, Source, SourceEvents};
use event_contract::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};
use provider_webhook::HeaderMap;
use serde_json::{Value, json};
use simulators::auth0::Auth0Simulator;
use simulators::entra::{Application, EntraSimulator};
use simulators::hubspot::HubSpotSimulator;
use simulators::identity::{PersonaSimulator, StripeSimulator};
use simulators::okta::OktaSimulator;
use simulators::salesforce::SalesforceSimulator;
use simulators::scim::ScimSimulator;
use simulators::{NativeEvent, SetBy};
use testkit::Chaos;

/// A provider. A connector without a place here cannot be drawn: [`Simulated::start`] says so.
pub(crate) enum Simulated {
    Auth0(Auth0Simulator),
    Okta(OktaSimulator),
    Entra(EntraSimulator),
    Scim(ScimSimulator),
    /// A described API.
    Rest(ScimSimulator),
    Salesforce(SalesforceSimulator),
    HubSpot(HubSpotSimulator),
    Stripe(StripeSimulator),
    Persona(PersonaSimulator),
}

const ENTRA_CLIENT: &str = "3c9a1f70-5b2e-4d11-9a0c-000000000001";
const ENTRA_SECRET: &str = "entra-simulated-secret";

/// How a described API is described: it answers as a SCIM server does.
const DESCRIPTION: &str = r#"auth = { kind = "bearer", token = SECRET }
fetch = { path = "/Users/{id}", version = { path = "$.meta.lastModified", format = "rfc3339" } }
list = { path = "/Users?count=1", items = "$.Resources[*]" }
map = { given_name = "$.name.givenName", family_name = "$.name.familyName", email = "$.emails[0].value", phone = "$.phoneNumbers[0].value", key = "$.externalId" }"#;

macro_rules! each {
    ($simulated:expr, $it:ident => $what:expr) => {
        match $simulated {
            Simulated::Auth0($it) => $what,
            Simulated::Okta($it) => $what,
            Simulated::Entra($it) => $what,
            Simulated::Scim($it) | Simulated::Rest($it) => $what,
            Simulated::Salesforce($it) => $what,
            Simulated::HubSpot($it) => $what,
            Simulated::Stripe($it) => $what,
            Simulated::Persona($it) => $what,
        }
    };
}

impl Simulated {
    pub(crate) async fn start(connector: &str) -> Self {
        match connector {
            "auth0" => Self::Auth0(Auth0Simulator::start().await),
            "okta" => Self::Okta(OktaSimulator::start().await),
            "entra" => {
                let tenant = EntraSimulator::start().await;
                tenant.put_application(Application::new(ENTRA_CLIENT).with_secret(ENTRA_SECRET));
                Self::Entra(tenant)
            }
            "scim" => Self::Scim(ScimSimulator::start().await),
            "rest" => Self::Rest(ScimSimulator::start().await),
            "salesforce" => Self::Salesforce(SalesforceSimulator::start().await),
            "hubspot" => {
                let account = HubSpotSimulator::start().await;
                // The limits are not what this test is about.
                account.set_burst_limit(1_000_000);
                account.set_daily_limit(1_000_000_000);
                Self::HubSpot(account)
            }
            "stripe" => Self::Stripe(StripeSimulator::start().await),
            "persona" => Self::Persona(PersonaSimulator::start().await),
            other => panic!("{other} has no lives: add its simulator here, and its changes to history/"),
        }
    }

    pub(crate) fn url(&self) -> String {
        each!(self, it => it.base_url())
    }

    /// Its URL over a bad network.
    pub(crate) async fn behind(&self, chaos: &Chaos) -> String {
        let url = chaos.in_front_of(&self.url()).await;
        if let Self::Entra(tenant) = self {
            tenant.put_resource(&url);
        }
        url
    }

    pub(crate) fn secret(&self) -> &'static str {
        match self {
            Self::Auth0(tenant) => tenant.client_secret(),
            Self::Okta(organization) => organization.api_token(),
            Self::Entra(_) => ENTRA_SECRET,
            Self::Scim(server) | Self::Rest(server) => server.token(),
            Self::Salesforce(org) => org.client_secret(),
            Self::HubSpot(account) => account.token(),
            Self::Stripe(account) => account.api_key(),
            Self::Persona(environment) => environment.api_key(),
        }
    }

    /// The settings of its source, behind `url`. `SECRET` stands where the secret is named.
    pub(crate) fn settings(&self, url: &str) -> String {
        let url_and = |rest: &str| format!("url = \"{url}\"\n{rest}\n");
        match self {
            Self::Auth0(tenant) => url_and(&format!(
                "client_id = \"{}\"\nclient_secret = SECRET\naudience = \"{}\"",
                tenant.client_id(),
                tenant.audience()
            )),
            Self::Okta(_) => url_and("api_token = SECRET"),
            Self::Entra(tenant) => format!(
                "tenant_id = \"{}\"\nclient_id = \"{ENTRA_CLIENT}\"\nclient_secret = SECRET\ngraph_url = \"{url}\"\n\
                 login_url = \"{url}\"\n",
                tenant.tenant_id()
            ),
            Self::Scim(_) => url_and("token = SECRET"),
            Self::Rest(_) => url_and(DESCRIPTION),
            Self::Salesforce(org) => {
                url_and(&format!("client_id = \"{}\"\nclient_secret = SECRET", org.client_id()))
            }
            Self::HubSpot(account) => url_and(&format!("token = SECRET\nportal = \"{}\"", account.portal())),
            Self::Stripe(_) => url_and("api_key = SECRET\ndate_of_birth = true"),
            Self::Persona(_) => url_and("api_key = SECRET"),
        }
    }

    /// Answers requests for these records so; `None`: as usual.
    pub(crate) fn set_replies(&self, ids: &[String], reply: Option<(u16, &str)>) {
        for id in ids {
            let reply = reply.map(|(status, body)| (status, body.to_owned()));
            each!(self, it => it.set_reply(id, reply));
        }
    }

    /// The answer while we have lost a permission.
    pub(crate) const fn lost_permission(&self) -> (u16, &'static str) {
        match self {
            Self::Auth0(_) => (403, r#"{"statusCode": 403, "errorCode": "insufficient_scope"}"#),
            Self::Okta(_) => (403, r#"{"errorCode": "E0000006"}"#),
            Self::Entra(_) => (403, r#"{"error": {"code": "Authorization_RequestDenied"}}"#),
            Self::Salesforce(_) => {
                (400, r#"[{"errorCode": "INVALID_FIELD", "message": "No such column 'Birthdate'"}]"#)
            }
            Self::HubSpot(_) => (403, r#"{"status": "error", "category": "MISSING_SCOPES"}"#),
            Self::Scim(_) | Self::Rest(_) | Self::Stripe(_) | Self::Persona(_) => (403, "{}"),
        }
    }

    /// The answer about a user that it does not find, if it reads users one by one.
    pub(crate) const fn not_found(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::Auth0(_) => Some((404, r#"{"errorCode": "inexistent_user"}"#)),
            Self::Okta(_) => Some((404, r#"{"errorCode": "E0000007"}"#)),
            Self::Entra(_) => Some((404, r#"{"error": {"code": "Request_ResourceNotFound"}}"#)),
            Self::Scim(_) | Self::Rest(_) => Some((404, r#"{"status": "404"}"#)),
            Self::Salesforce(_) | Self::HubSpot(_) | Self::Stripe(_) | Self::Persona(_) => None,
        }
    }

    /// The answer about a record that is refused each time, if these lives have such records there.
    pub(crate) const fn refused(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::Auth0(_) | Self::Okta(_) => {
                Some((400, r#"{"statusCode": 400, "error": "Bad Request", "message": "no"}"#))
            }
            Self::Entra(_) => Some((400, r#"{"error": {"code": "Request_BadRequest"}}"#)),
            Self::Scim(_) | Self::Rest(_) => Some((400, r#"{"status": "400", "scimType": "invalidValue"}"#)),
            Self::Salesforce(_) => Some((400, r#"[{"errorCode": "MALFORMED_ID", "message": "no"}]"#)),
            Self::HubSpot(_) | Self::Stripe(_) | Self::Persona(_) => None,
        }
    }

    /// The events that the provider sends by itself: a CRM's, also about our own writes.
    pub(crate) fn take_events(&self) -> Vec<NativeEvent> {
        match self {
            Self::Salesforce(org) => org.take_events(),
            Self::HubSpot(account) => account.take_events().into_iter().flat_map(hubspot_events).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn waiting_events(&self) -> usize {
        match self {
            Self::Salesforce(org) => org.waiting_events(),
            Self::HubSpot(account) => account.waiting_events(),
            _ => 0,
        }
    }

    /// Writes of ours so far.
    pub(crate) fn writes(&self) -> usize {
        match self {
            Self::Salesforce(org) => org.writes(),
            Self::HubSpot(account) => account.writes(),
            _ => 0,
        }
    }

    /// The contacts that we created so far.
    pub(crate) fn created(&self) -> Vec<String> {
        match self {
            Self::Salesforce(org) => org.created(),
            Self::HubSpot(account) => account.created().iter().map(u64::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a CRM has a contact that is not deleted.
    pub(crate) fn has_contact(&self, id: &str) -> bool {
        match self {
            Self::Salesforce(org) => org.contact(id).is_some_and(|contact| !contact.is_deleted),
            Self::HubSpot(account) => {
                let contact = id.parse().ok().and_then(|id| account.contact(id));
                contact.is_some_and(|contact| contact.archived_at.is_none())
            }
            _ => false,
        }
    }

    /// A property of a contact.
    pub(crate) fn property(&self, id: &str, property: &str) -> Option<String> {
        match self {
            Self::Salesforce(org) => org.value(id, property),
            Self::HubSpot(account) => account.contact(id.parse().ok()?)?.get(property).map(str::to_owned),
            _ => None,
        }
    }

    /// Our key of a contact.
    pub(crate) fn contact_key(&self, id: &str) -> Option<String> {
        match self {
            Self::Salesforce(_) => self.property(id, "Person_Key__c"),
            _ => self.property(id, simulators::hubspot::KEY_PROPERTY),
        }
    }

    /// The contact that has this key.
    pub(crate) fn contact_by_key(&self, key: &str) -> Option<String> {
        match self {
            Self::Salesforce(org) => org.by_key(key).map(|contact| contact.id),
            Self::HubSpot(account) => account.by_key(key).map(|contact| contact.id.to_string()),
            _ => None,
        }
    }

    /// Those of these properties of a contact whose value `who` has given.
    pub(crate) fn set_by(
        &self,
        id: &str,
        properties: impl IntoIterator<Item = (Field, String)>,
        who: SetBy,
    ) -> BTreeSet<Field> {
        let set_by = |property: &str| match self {
            Self::Salesforce(org) => org.set_by(id, property),
            Self::HubSpot(account) => account.set_by(id.parse().unwrap(), property),
            _ => SetBy::User,
        };
        let set = properties.into_iter().filter(|(_, property)| set_by(property) == who);
        set.map(|(field, _)| field).collect()
    }
}

/// What `webhook-ingress` makes of a webhook of HubSpot.
fn hubspot_events(event: Value) -> Vec<NativeEvent> {
    let body = json!([event]).to_string();
    let records = (connectors::hubspot::WEBHOOK.read)(&HeaderMap::new(), body.as_bytes()).unwrap();
    let event = |record: provider_webhook::WebhookRecord| {
        let change = if record.hint.removed { IngressChange::Deleted } else { IngressChange::Changed };
        ingress_event(&IngressEvent {
            change,
            not_before: record.hint.not_before,
            account: record.account,
            ..IngressEvent::changed(vec![record.hint.id])
        })
    };
    records.into_iter().map(event).collect()
}

/// An event of `webhook-ingress` or of a resync queue. [`addressed`] names its source.
pub(crate) fn ingress_event(event: &IngressEvent) -> NativeEvent {
    NativeEvent {
        source: INGRESS_SOURCE_PREFIX.to_owned(),
        detail_type: String::from("RecordsChanged"),
        detail: serde_json::to_string(event).unwrap(),
    }
}

/// An event as it reaches the queue of this source. Events of `webhook-ingress` have the source's name, and not the vendor's.
pub(crate) fn addressed(event: NativeEvent, source: &str) -> String {
    let is_ingress = event.source.starts_with(INGRESS_SOURCE_PREFIX);
    let own = if is_ingress { format!("{INGRESS_SOURCE_PREFIX}{source}") } else { event.source };
    NativeEvent { source: own, ..event }.to_envelope_json()
}

/// The event by which a resync has a record read again.
pub(crate) fn resync_event(source: &str, id: &str) -> String {
    addressed(ingress_event(&IngressEvent::changed(vec![id.to_owned()])), source)
}

/// A source with the name of its connector. Its secrets are in the settings.
pub(crate) fn source(connector: &str, role: Role, settings: &Value) -> Source {
    let events = SourceEvents::of(connector, connectors::connector(connector).unwrap());
    Source::connect(events, role, settings, Mapping::default(), Limits::default()).unwrap()
}
