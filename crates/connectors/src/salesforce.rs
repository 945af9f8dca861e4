//! Salesforce: Change Data Capture in, REST API out. Contacts are read up to 2,000 a call, which counts as one against the
//! organization's daily limit; a contact that it does not find is then searched among the deleted ones, since no event says
//! that a deletion was a merge.

mod client;
mod config;
mod contact_id;
mod error_code;
mod events;
mod feed;
mod listing;
mod read;
mod record;
mod routes;
mod write;

use authority::Role;

use crate::connector::{Connector, Properties, Vendor};

pub use client::SalesforceClient;
pub use config::{SalesforceAuth, SalesforceConfig};

/// The connector's name, also in `coppice.ingress.salesforce`.
const NAME: &str = "salesforce";

/// Salesforce.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Salesforce",
    roles: &[Role::Crm],
    partner: Some(routes::PARTNER),
    routes: routes::ROUTES,
    webhook: None,
    takes: Some(Properties { field_of: record::field_of, pointer: record::pointer }),
    read_event: events::read_event,
    described: Connector::not_described,
    settings: SalesforceClient::schema,
    check: <SalesforceClient as Vendor>::check,
    connect: <SalesforceClient as Vendor>::connect,
};
