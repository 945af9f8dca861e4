//! Persona: webhooks in, inquiries out. It has no partner event source. `webhook-ingress` keeps the IDs and `updated-at`.

mod client;
mod config;
mod record;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::PersonaClient;
pub use config::PersonaConfig;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.persona`.
const NAME: &str = "persona";

/// Persona.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Persona",
    roles: &[Role::Identity],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: client::read_event,
    described: Connector::not_described,
    settings: PersonaClient::schema,
    check: <PersonaClient as Vendor>::check,
    connect: <PersonaClient as Vendor>::connect,
};
