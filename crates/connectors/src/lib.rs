//! The connectors: the code that speaks the vendors' APIs, one folder for each vendor.
//!
//! In: an event, or a record's ID. Out: the IDs that an event names ([`RecordEvent`]), the record as its source says it is now
//! ([`Record`]), a sign-in ([`SignIn`]), or the ID of what was written. This crate must not know queues, tables, or which source
//! is right about which field.

pub mod auth0;
mod connector;
mod described;
pub mod entra;
pub mod handed_over;
pub mod hubspot;
mod mapping;
pub mod okta;
pub mod persona;
mod push;
mod record;
pub mod rest;
mod route;
pub mod salesforce;
pub mod scim;
mod secret;
mod sign_in;
mod source;
pub mod stripe;

pub use auth0::{Auth0Client, Auth0Config, SignInTypes};
pub use connector::{
    Batches, ConnectError, Connected, Connector, Kept, Limits, Listing, Properties, Push, RecordEvent,
    Records, SettingFault, SignIns, Subscriptions, Vendor,
};
pub use described::{BusEvents, Described};
pub use entra::{Cloud, EntraAuth, EntraClient, EntraConfig};
pub use event_contract::{Origin, RecordHint, UnreadableEvent};
pub use handed_over::{ChangePlace, HandedOver, HandedOverClient, RecordTable, TableSlot, TableUnavailable};
pub use hubspot::{HubSpotClient, HubSpotConfig};
pub use mapping::{MappedField, Mapping};
pub use okta::{OktaAuth, OktaClient, OktaConfig};
pub use persona::{PersonaClient, PersonaConfig};
pub use provider_http::{
    Admission, ChangedPage, ChangesFrom, Exchanged, ListedPage, ListedRecord, Outage, Page, ProviderError,
    Recorder,
};
pub use push::{RecordWrite, RefusedProperty, Written};
pub use record::{Account, Fetched, Record, SignInIdentity, Verification, VerificationStatus};
pub use rest::{NO_FIELDS, RestClient, RestConfig};
pub use route::{Feed, Partner, Route};
pub use salesforce::{SalesforceAuth, SalesforceClient, SalesforceConfig};
pub use scim::{ScimClient, ScimConfig};
pub use secret::Secret;
pub use sign_in::{FoundSignIn, SignIn, SignInEvent};
pub use source::{Source, SourceEvents};
pub use stripe::{StripeClient, StripeConfig};

/// Every connector. A new vendor is one folder, and one line here.
pub const CONNECTORS: &[&Connector] = &[
    &auth0::CONNECTOR,
    &entra::CONNECTOR,
    &okta::CONNECTOR,
    &scim::CONNECTOR,
    &salesforce::CONNECTOR,
    &hubspot::CONNECTOR,
    &stripe::CONNECTOR,
    &persona::CONNECTOR,
    &rest::CONNECTOR,
    &handed_over::CONNECTOR,
];

/// The connector of this name.
pub fn connector(name: &str) -> Option<&'static Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.name == name)
}
