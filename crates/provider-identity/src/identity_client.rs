//! The identity-verification providers, each named once.

use event_contract::{Envelope, RecordHint, UnreadableEvent, read_by_any};
use provider_http::ProviderError;

use crate::{
    FetchedCase, IdentityProvider, PersonaClient, PersonaConfig, StripeClient, StripeConfig, persona, stripe,
};

provider_http::vendors! {
    /// One of the identity-verification providers, chosen by settings at start-up.
    pub enum IdentityClient reading Vec<RecordHint> {
        /// Stripe Identity.
        Stripe(StripeClient, StripeConfig) from stripe,
        /// Persona.
        Persona(PersonaClient, PersonaConfig) from persona,
    }
}

/// The source of an event of any verification provider, and the cases that it names: for tools without a provider's settings.
///
/// # Errors
/// As [`IdentityProvider::read_event`]; [`UnreadableEvent::ForeignSource`] when it is no verification provider's.
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, Vec<RecordHint>), UnreadableEvent> {
    read_by_any(EVENT_READERS, envelope, "an identity-verification provider")
}

impl IdentityProvider for IdentityClient {
    fn source(&self) -> &'static str {
        each!(self, client => client.source())
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        each!(self, client => client.read_event(envelope))
    }

    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
        each!(self, client => client.fetch_case(id).await)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        each!(self, client => client.ping().await)
    }
}
