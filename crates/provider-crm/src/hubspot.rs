//! `HubSpot`: webhooks in, CRM API out. Contacts are read up to 100 a call; a contact that a call does not find is then searched
//! among the archived ones. The ID of a merged contact answers with the contact that is left.

mod client;
mod config;

mod error_code;
mod events;
mod feed;
mod listing;
mod numeric_id;
mod read;
mod record;
mod webhook;
mod write;

pub use client::HubSpotClient;
pub use config::HubSpotConfig;
pub(crate) use events::read_event;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.hubspot`.
pub const SOURCE: &str = "hubspot";
