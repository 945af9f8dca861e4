//! `identity-verification` as deployed: the real binary with a real queue, database and bus, and a simulated provider that
//! misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod bad_cases;
mod lifecycle;

const BINARY: &str = env!("CARGO_BIN_EXE_identity-verification");

const UNIT: &str = "identity-verification";
