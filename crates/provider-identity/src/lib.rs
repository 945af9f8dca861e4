//! Identity-verification providers behind one trait. Each vendor has a folder, and a line in `identity_client.rs`.
//!
//! In: an EventBridge event, or a case's ID. Out: the IDs that an event names ([`RecordHint`]), or the case as the provider
//! says it is now ([`FetchedCase`]): a session at Stripe, an inquiry at Persona. Documents, their numbers, images and single
//! checks are never read. This crate must not know queues, tables, or what becomes of a case's fields.

mod case;
mod identity_client;
pub mod persona;
mod provider;
mod settings;
pub mod stripe;

pub use case::{VerificationCase, VerificationStatus};
pub use event_contract::{RecordHint, UnreadableEvent};
pub use identity_client::{IdentityClient, PROVIDER_NAMES, read_any_event};
pub use persona::{PersonaClient, PersonaConfig};
pub use provider::{FetchedCase, IdentityProvider};
pub use provider_http::ProviderError;
pub use settings::IdentitySettings;
pub use stripe::{StripeClient, StripeConfig};
