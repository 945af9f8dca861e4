//! Persona: webhooks in, inquiries out. It has no partner event source. `webhook-ingress` keeps the IDs and `updated-at`.

mod client;
mod config;
mod record;
mod webhook;

pub use client::PersonaClient;
pub(crate) use client::read_event;
pub use config::PersonaConfig;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.persona`.
pub const SOURCE: &str = "persona";
