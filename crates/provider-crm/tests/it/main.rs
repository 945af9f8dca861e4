//! The CRMs as their callers see them: events in, contacts out, values in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod conformance;
mod fixtures;
mod hubspot_changes;
mod hubspot_events;
mod hubspot_limits;
mod hubspot_read;
mod hubspot_write;
mod mutations;
mod salesforce_events;
mod salesforce_limits;
mod salesforce_read;
mod salesforce_write;
mod server;
