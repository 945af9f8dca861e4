//! Persona: webhooks in, inquiries out. It has no partner event source. `webhook-ingress` keeps the IDs and `updated-at`.

mod client;
mod config;
mod events;
mod record;
mod webhook;

pub use client::PersonaClient;
pub use config::PersonaConfig;
pub(crate) use events::read_event;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.persona`.
pub const SOURCE: &str = "persona";
