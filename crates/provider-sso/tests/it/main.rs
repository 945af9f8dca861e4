//! The identity providers as their callers see them: events in, users out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod auth0_client;
mod auth0_events;
mod conformance;
mod fixtures;
mod mutations;
mod scim_client;
