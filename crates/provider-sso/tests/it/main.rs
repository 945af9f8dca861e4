//! The identity providers as their callers see them: events in, users out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod auth0_client;
mod auth0_events;
mod auth0_sign_ins;
mod clients;
mod codes;
mod conformance;
mod entra_changes;
mod entra_client;
mod entra_subscriptions;
mod fixtures;
mod mutations;
mod odd_scim;
mod okta_client;
mod okta_events;
mod okta_listing;
mod okta_service_app;
mod rules;
mod scim_client;
mod sign_ins;
