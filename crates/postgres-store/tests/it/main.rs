//! The store against a real Postgres: a database of its own for each test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod audits;
mod breaker;
mod concurrency;
mod config_versions;
mod connections;
mod contacts;
mod content;
mod convergence;
mod database;
mod drills;
mod echoes;
mod errors;
mod failures;
mod fields;
mod guard;
mod handed_over;
mod history;
mod identities;
mod link_faults;
mod linking;
mod logins;
mod merges;
mod missing;
mod outbox;
mod plans;
mod policy_changes;
mod readings;
mod redrives;
mod resyncs;
mod retention;
mod reviews;
mod rights;
mod schema;
mod sessions;
mod tls;
mod upsert_forms;

use authority::Role;
use postgres_store::Source;

/// The source of most readings here.
const SOURCE: &str = "idp";
const IDP: Source<'static> = Source { name: SOURCE, role: Role::Sso };

/// Other sources, for what several say of one person.
const CRM: Source<'static> = Source { name: "crm", role: Role::Crm };
const VERIFIER: Source<'static> = Source { name: "verifier", role: Role::Identity };
