//! The simulated providers and their clients.

use provider_crm::{CrmClient, SalesforceAuth, SalesforceClient, SalesforceConfig};
use provider_identity::{IdentityClient, PersonaClient, PersonaConfig, StripeClient, StripeConfig};
use provider_sso::{Auth0Client, Auth0Config, OktaAuth, OktaClient, OktaConfig, SsoClient};
use simulators::auth0::Auth0Simulator;
use simulators::identity::{PersonaSimulator, StripeSimulator};
use simulators::okta::OktaSimulator;
use simulators::salesforce::SalesforceSimulator;
use testkit::Chaos;
use url::Url;

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
    pub(crate) sso: SsoClient,
    pub(crate) crm: CrmClient,
    pub(crate) identity: IdentityClient,
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
            crm: CrmClient::Salesforce(self.salesforce(chaos).await),
            identity: self.identity(chaos).await,
        }
    }

    async fn sso(&self, chaos: Option<&Chaos>) -> SsoClient {
        match &self.idp {
            IdentityProvider::Auth0(tenant) => {
                let client = Auth0Client::new(
                    Auth0Config {
                        domain: reach(tenant.base_url(), chaos).await,
                        client_id: tenant.client_id().into(),
                        client_secret: tenant.client_secret().into(),
                        audience: Some(tenant.audience()),
                        sign_ins: provider_sso::SignInTypes::default(),
                    },
                    |_| {},
                );
                SsoClient::Auth0(client.unwrap())
            }
            IdentityProvider::Okta(organization) => {
                let org_url = reach(organization.base_url(), chaos).await;
                let auth = OktaAuth::ApiToken(organization.api_token().into());
                SsoClient::Okta(OktaClient::new(OktaConfig { org_url, auth }, |_| {}).unwrap())
            }
        }
    }

    async fn salesforce(&self, chaos: Option<&Chaos>) -> SalesforceClient {
        let auth = SalesforceAuth::ClientCredentials {
            client_id: self.crm.client_id().into(),
            client_secret: self.crm.client_secret().into(),
        };
        let url = reach(self.crm.base_url(), chaos).await;
        SalesforceClient::new(SalesforceConfig::new(url.clone(), url, auth), |_| {}).unwrap()
    }

    async fn identity(&self, chaos: Option<&Chaos>) -> IdentityClient {
        match &self.verifier {
            Verifier::Stripe(account) => {
                let client = StripeClient::new(
                    StripeConfig {
                        base_url: reach(account.base_url(), chaos).await,
                        api_key: account.api_key().into(),
                        account: None,
                        date_of_birth: true,
                    },
                    |_| {},
                );
                IdentityClient::Stripe(client.unwrap())
            }
            Verifier::Persona(environment) => {
                let base_url = reach(environment.base_url(), chaos).await;
                let api_key = environment.api_key().into();
                IdentityClient::Persona(
                    PersonaClient::new(PersonaConfig { base_url, api_key }, |_| {}).unwrap(),
                )
            }
        }
    }
}

async fn reach(url: String, chaos: Option<&Chaos>) -> Url {
    match chaos {
        Some(chaos) => chaos.in_front_of(&url).await.parse().unwrap(),
        None => url.parse().unwrap(),
    }
}
