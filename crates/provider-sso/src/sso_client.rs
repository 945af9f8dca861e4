//! The identity providers, each named once.

use event_contract::{Envelope, RecordHint, UnreadableEvent, read_by_any};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{
    Auth0Client, Auth0Config, EntraClient, EntraConfig, FetchedUser, FoundSignIn, OktaClient, OktaConfig,
    ScimClient, ScimConfig, SignInEvent, SsoProvider, auth0, entra, okta, scim,
};

provider_http::vendors! {
    /// One of the identity providers, chosen by settings at start-up.
    pub enum SsoClient reading Vec<RecordHint> {
        /// Auth0.
        Auth0(Auth0Client, Auth0Config) from auth0,
        /// Microsoft Entra ID.
        Entra(EntraClient, EntraConfig) from entra,
        /// Okta.
        Okta(OktaClient, OktaConfig) from okta,
        /// Any SCIM 2.0 server.
        Scim(ScimClient, ScimConfig) from scim,
    }
}

/// The source of an event of any identity provider, and the users that it names: for tools that have no provider's settings.
///
/// # Errors
/// As [`SsoProvider::read_event`]; [`UnreadableEvent::ForeignSource`] when it is no identity provider's.
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, Vec<RecordHint>), UnreadableEvent> {
    read_by_any(EVENT_READERS, envelope, "an identity provider")
}

impl SsoProvider for SsoClient {
    fn source(&self) -> &'static str {
        each!(self, client => client.source())
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        each!(self, client => client.read_event(envelope))
    }

    async fn fetch_user(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
        each!(self, client => client.fetch_user(id, known_etag).await)
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        each!(self, client => client.read_sign_in(envelope))
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError> {
        each!(self, client => client.fetch_sign_in(event_id).await)
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        each!(self, client => client.list(after).await)
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        each!(self, client => client.changes(from).await)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        each!(self, client => client.ping().await)
    }
}
