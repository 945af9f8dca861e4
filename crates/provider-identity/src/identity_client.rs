//! The providers that a binary can be set up with, as one type.

use event_contract::Envelope;
use provider_http::ProviderError;

use crate::{CaseHint, FetchedCase, IdentityProvider, PersonaClient, StripeClient, UnreadableEvent};

/// One of the providers, chosen by settings at start-up. An enum and not `dyn`: the compiler checks that every
/// provider is handled everywhere, and futures need no boxes.
#[derive(Debug, Clone)]
pub enum IdentityClient {
    /// Stripe Identity.
    Stripe(StripeClient),
    /// Persona.
    Persona(PersonaClient),
}

impl IdentityProvider for IdentityClient {
    fn source(&self) -> &'static str {
        match self {
            Self::Stripe(client) => client.source(),
            Self::Persona(client) => client.source(),
        }
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<CaseHint>, UnreadableEvent> {
        match self {
            Self::Stripe(client) => client.read_event(envelope),
            Self::Persona(client) => client.read_event(envelope),
        }
    }

    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
        match self {
            Self::Stripe(client) => client.fetch_case(id).await,
            Self::Persona(client) => client.fetch_case(id).await,
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        match self {
            Self::Stripe(client) => client.ping().await,
            Self::Persona(client) => client.ping().await,
        }
    }
}
