//! Simulators of providers that have no server to install. The documentation of each says what it does not simulate.

pub mod auth0;
pub mod contentful;
pub mod directus;
mod gate;
pub mod identity;
mod listing_fault;
pub mod okta;
pub mod salesforce;
mod server;

pub use gate::Gate;
pub use listing_fault::ListingFault;
