//! What the process puts around the loop, against a real Postgres.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod heartbeats;
mod postgres_ledger;
