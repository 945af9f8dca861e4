//! The store against a real Postgres: a server of its own for each test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod breaker;
mod concurrency;
mod convergence;
mod database;
mod errors;
mod failures;
mod guard;
mod history;
mod identities;
mod outbox;
mod plans;
mod readings;
mod schema;

/// The source of all readings here.
const SOURCE: &str = "idp";
