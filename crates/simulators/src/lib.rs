//! Simulators of providers that have no server to install. The documentation of each says what it does not simulate.
//!
//! In: commands of a test or of `cargo xtask` through [`Control`], HTTP requests. Out: replies and events shaped like the
//! vendor's, with faults on command. A simulator is written from the vendor's documentation, and must not know our client.

pub mod auth0;
pub mod contentful;
mod control;
pub mod directus;
pub mod entra;
mod event;
mod gate;
pub mod hubspot;
pub mod identity;
mod listing_fault;
pub mod okta;
mod origin;
mod pages;
mod rate_limit;
mod record;
mod requests;
pub mod salesforce;
pub mod scim;
mod simulator;

pub use control::Control;
pub use event::{NativeEvent, SignedWebhook};
pub use gate::Gate;
pub use listing_fault::ListingFault;
pub use origin::SetBy;
pub use requests::{EVERY_RECORD, Recorded};
pub use simulator::Simulator;
