//! The identity-verification providers as their callers see them: events in, cases out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod birthdates;
mod clients;
mod codes;
mod conformance;
mod events;
mod persona_records;
mod requests;
mod settings;
mod simulated;
mod statuses;
mod stripe_records;
