//! The providers that a binary can be set up with, as one type.

use event_contract::Envelope;
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{
    Auth0Client, FetchedUser, OktaClient, ScimClient, SignIn, SignInEvent, SsoProvider, UnreadableEvent,
    UserHint,
};

/// One of the providers, chosen by settings at start-up. An enum and not `dyn`: the compiler checks that every
/// provider is handled everywhere, and futures need no boxes.
#[derive(Debug, Clone)]
pub enum SsoClient {
    /// Auth0.
    Auth0(Auth0Client),
    /// Okta.
    Okta(OktaClient),
    /// Any SCIM 2.0 server.
    Scim(ScimClient),
}

impl SsoProvider for SsoClient {
    fn source(&self) -> &'static str {
        match self {
            Self::Auth0(client) => client.source(),
            Self::Okta(client) => client.source(),
            Self::Scim(client) => client.source(),
        }
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<UserHint>, UnreadableEvent> {
        match self {
            Self::Auth0(client) => client.read_event(envelope),
            Self::Okta(client) => client.read_event(envelope),
            Self::Scim(client) => client.read_event(envelope),
        }
    }

    async fn fetch_user(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
        match self {
            Self::Auth0(client) => client.fetch_user(id, known_etag).await,
            Self::Okta(client) => client.fetch_user(id, known_etag).await,
            Self::Scim(client) => client.fetch_user(id, known_etag).await,
        }
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        match self {
            Self::Auth0(client) => client.read_sign_in(envelope),
            Self::Okta(client) => client.read_sign_in(envelope),
            Self::Scim(client) => client.read_sign_in(envelope),
        }
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<Option<SignIn>, ProviderError> {
        match self {
            Self::Auth0(client) => client.fetch_sign_in(event_id).await,
            Self::Okta(client) => client.fetch_sign_in(event_id).await,
            Self::Scim(client) => client.fetch_sign_in(event_id).await,
        }
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        match self {
            Self::Auth0(client) => client.list(after).await,
            Self::Okta(client) => client.list(after).await,
            Self::Scim(client) => client.list(after).await,
        }
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        match self {
            Self::Auth0(client) => client.changes(from).await,
            Self::Okta(client) => client.changes(from).await,
            Self::Scim(client) => client.changes(from).await,
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        match self {
            Self::Auth0(client) => client.ping().await,
            Self::Okta(client) => client.ping().await,
            Self::Scim(client) => client.ping().await,
        }
    }
}
