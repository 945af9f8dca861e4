//! `registry-sync` as deployed: the real binary with a real queue, database and bus, and a SCIM server by other
//! authors, or one that fails on command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod described;
mod lifecycle;

const BINARY: &str = env!("CARGO_BIN_EXE_registry-sync");

const UNIT: &str = "registry-sync";
