//! Tests the simulators with a plain HTTP client, without the connectors.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod auth0;
mod auth0_faults;
mod entra;
mod hubspot;
mod okta;
mod okta_pages;
mod okta_tokens;
mod salesforce;
