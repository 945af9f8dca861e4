//! HubSpot: webhooks in, CRM API out. Contacts are read up to 100 a call; a contact that a call does not find is then searched
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

use authority::Role;

use crate::connector::{Connector, Properties, Vendor};

pub use client::HubSpotClient;
pub use config::HubSpotConfig;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.hubspot`.
const NAME: &str = "hubspot";

/// HubSpot.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "HubSpot",
    roles: &[Role::Crm],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: Some(Properties { field_of: record::field_of, pointer: record::pointer }),
    read_event: events::read_event,
    described: Connector::not_described,
    settings: HubSpotClient::schema,
    check: <HubSpotClient as Vendor>::check,
    connect: <HubSpotClient as Vendor>::connect,
};
