//! Identity-verification providers behind one trait, one folder per vendor.
//!
//! In: an EventBridge event, or a case's ID. Out: the IDs that an event names ([`CaseHint`]), or the case as the
//! provider says it is now ([`FetchedCase`]). A case is one person's one attempt to prove who they are: a session at
//! Stripe, an inquiry at Persona. Of an event only IDs and a lower bound in time are read, never its status.
//!
//! Documents, their numbers, images and the single checks are not read at all. This crate must not know queues, tables,
//! or what becomes of a case's fields.

mod case;
mod detail;
mod identity_client;
mod ingress;
pub mod persona;
mod provider;
mod settings;
pub mod stripe;

pub use case::{VerificationCase, VerificationStatus};
pub use identity_client::IdentityClient;
pub use persona::{PersonaClient, PersonaConfig};
pub use provider::{CaseHint, FetchedCase, IdentityProvider, UnreadableEvent, read_any_event};
pub use provider_http::ProviderError;
pub use settings::IdentitySettings;
pub use stripe::{StripeClient, StripeConfig};
