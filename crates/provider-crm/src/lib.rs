//! CRM systems behind one trait, one folder per vendor.
//!
//! In: an EventBridge event, contacts' IDs, or values to write. Out: the IDs that an event names ([`CrmEvent`]), the
//! contacts as the CRM says they are now ([`FetchedContact`]), or the ID of what was written. An event is never more
//! than a hint: of everything in it only IDs, the kind of change and a time are read.
//!
//! This crate must not know queues, tables, or which system is right about which field.

mod contact;
mod contact_write;
mod crm_client;
mod ingress;
mod provider;
pub mod salesforce;
mod settings;

pub use contact::{CrmContact, MailingAddress};
pub use contact_write::{ContactField, ContactWrite, ContactWritten};
pub use crm_client::CrmClient;
pub use provider::{
    ContactChange, ContactHint, CrmEvent, CrmProvider, FetchedContact, UnreadableEvent, read_any_event,
};
pub use provider_http::{
    Admission, ChangedPage, ChangesFrom, ListedPage, ListedRecord, Outage, ProviderError,
};
pub use salesforce::{SalesforceAuth, SalesforceClient, SalesforceConfig};
pub use settings::CrmSettings;
