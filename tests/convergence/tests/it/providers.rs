//! The simulated providers and their clients.

use authority::Role;
use connectors::{Limits, Mapping, Source, SourceEvents};
use serde_json::{Value, json};
use simulators::auth0::Auth0Simulator;
use simulators::identity::{PersonaSimulator, StripeSimulator};
use simulators::okta::OktaSimulator;
use simulators::salesforce::SalesforceSimulator;
use testkit::Chaos;

/// The vendors besides Salesforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendors {
    Auth0AndStripe,
    OktaAndPersona,
}

/// The simulated providers. Their state is the truth for the comparison.
pub(crate) struct Providers {
    pub(crate) idp: IdentityProvider,
    pub(crate) crm: SalesforceSimulator,
    pub(crate) verifier: Verifier,
}

pub(crate) enum IdentityProvider {
    Auth0(Auth0Simulator),
    Okta(OktaSimulator),
}

pub(crate) enum Verifier {
    Stripe(StripeSimulator),
    Persona(PersonaSimulator),
}

/// Clients of the providers.
pub(crate) struct Clients {
    pub(crate) sso: Source,
    pub(crate) crm: Source,
    pub(crate) identity: Source,
}

impl Providers {
    pub(crate) async fn start(vendors: Vendors) -> Self {
        let crm = SalesforceSimulator::start().await;
        let (idp, verifier) = match vendors {
            Vendors::Auth0AndStripe => (
                IdentityProvider::Auth0(Auth0Simulator::start().await),
                Verifier::Stripe(StripeSimulator::start().await),
            ),
            Vendors::OktaAndPersona => (
                IdentityProvider::Okta(OktaSimulator::start().await),
                Verifier::Persona(PersonaSimulator::start().await),
            ),
        };
        Self { idp, crm, verifier }
    }

    /// Clients of the providers, with a direct connection or over a bad network.
    pub(crate) async fn clients(&self, chaos: Option<&Chaos>) -> Clients {
        Clients {
            sso: self.sso(chaos).await,
            crm: self.salesforce(chaos).await,
            identity: self.identity(chaos).await,
        }
    }

    async fn sso(&self, chaos: Option<&Chaos>) -> Source {
        match &self.idp {
            IdentityProvider::Auth0(tenant) => {
                let url = reach(tenant.base_url(), chaos).await;
                source(
                    "auth0",
                    Role::Sso,
                    &json!({"url": url, "client_id": tenant.client_id(),
                    "client_secret": tenant.client_secret(), "audience": tenant.audience()}),
                )
            }
            IdentityProvider::Okta(organization) => {
                let url = reach(organization.base_url(), chaos).await;
                source("okta", Role::Sso, &json!({"url": url, "api_token": organization.api_token()}))
            }
        }
    }

    async fn salesforce(&self, chaos: Option<&Chaos>) -> Source {
        let (url, client_id) = (reach(self.crm.base_url(), chaos).await, self.crm.client_id());
        let settings = json!({"url": url, "client_id": client_id, "client_secret": self.crm.client_secret()});
        source("salesforce", Role::Crm, &settings)
    }

    async fn identity(&self, chaos: Option<&Chaos>) -> Source {
        match &self.verifier {
            Verifier::Stripe(account) => {
                let url = reach(account.base_url(), chaos).await;
                let settings = json!({"url": url, "api_key": account.api_key(), "date_of_birth": true});
                source("stripe", Role::Identity, &settings)
            }
            Verifier::Persona(environment) => {
                let url = reach(environment.base_url(), chaos).await;
                source("persona", Role::Identity, &json!({"url": url, "api_key": environment.api_key()}))
            }
        }
    }
}

/// A source with the name of its connector. Its secrets are in the settings.
pub(crate) fn source(connector: &str, role: Role, settings: &Value) -> Source {
    let events = SourceEvents::of(connector, connectors::connector(connector).unwrap());
    Source::connect(events, role, settings, Mapping::default(), Limits::default()).unwrap()
}

async fn reach(url: String, chaos: Option<&Chaos>) -> String {
    match chaos {
        Some(chaos) => chaos.in_front_of(&url).await,
        None => url,
    }
}
