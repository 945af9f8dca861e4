//! The connectors as their callers see them: events and IDs in, records out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod auth0_client;
mod auth0_events;
mod auth0_sign_ins;
mod codes;
mod conformance;
mod content;
mod entra_changes;
mod entra_client;
mod entra_subscriptions;
mod fixtures;
mod handed_over;
mod hubspot_changes;
mod hubspot_events;
mod hubspot_limits;
mod hubspot_read;
mod hubspot_write;
mod identity_events;
mod identity_requests;
mod identity_simulated;
mod identity_statuses;
mod mapping;
mod mutations;
mod odd_scim;
mod okta_client;
mod okta_events;
mod okta_listing;
mod okta_service_app;
mod persona_records;
mod rest_client;
mod rest_events;
mod rest_push;
mod rules;
mod salesforce_events;
mod salesforce_limits;
mod salesforce_read;
mod salesforce_write;
mod scim_client;
mod server;
mod settings;
mod sign_ins;
mod sources;
mod stripe_birthdates;
mod stripe_records;
