//! Simulators of providers that have no server to install. Each says honestly what it does not do.

pub mod auth0;
mod gate;
pub mod identity;
pub mod okta;
pub mod salesforce;
mod server;

pub use gate::Gate;
