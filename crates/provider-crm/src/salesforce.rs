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
mod write;

pub use client::SalesforceClient;
pub(crate) use config::is_organization_id;
pub use config::{SalesforceAuth, SalesforceConfig};
pub(crate) use events::read_event;

/// The source's name in rows, and in `coppice.ingress.salesforce`.
pub const SOURCE: &str = "salesforce";
