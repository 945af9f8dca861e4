//! `crm-account` as it is deployed: the real binary on a real queue, database and bus, against a CRM that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod contacts;
mod people;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_crm-account");

/// The unit under test.
const UNIT: &str = "crm-account";
