//! CRM systems behind one trait. Each vendor has a folder, and a line in `crm_client.rs`.
//!
//! In: an EventBridge event, contacts' IDs, or values to write. Out: the IDs that an event names ([`CrmEvent`]), the contacts
//! as the CRM says they are now ([`FetchedContact`]), or the ID of what was written. This crate must not know queues, tables,
//! or which system is right about which field.

mod contact;
mod contact_write;
mod crm_client;
pub mod hubspot;
mod provider;
pub mod salesforce;
mod settings;

pub use contact::{CrmContact, MailingAddress};
pub use contact_write::{ContactField, ContactWrite, ContactWritten, RefusedField};
pub use crm_client::{CrmClient, PROVIDER_NAMES, read_any_event};
pub use event_contract::{RecordHint, UnreadableEvent};
pub use hubspot::{HubSpotClient, HubSpotConfig};
pub use provider::{CrmEvent, CrmProvider, FetchedContact};
pub use provider_http::{
    Admission, ChangedPage, ChangesFrom, ListedPage, ListedRecord, Outage, ProviderError,
};
pub use salesforce::{SalesforceAuth, SalesforceClient, SalesforceConfig};
pub use settings::CrmSettings;
