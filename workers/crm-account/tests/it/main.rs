//! `crm-account` as deployed: the real binary with a real queue, database and bus, and a simulated CRM that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod contacts;
mod described;
mod evidence;
mod persons;

const BINARY: &str = env!("CARGO_BIN_EXE_crm-account");

const UNIT: &str = "crm-account";
