//! `identity-verification` as it is deployed: the real binary on a real queue, database and bus, against a provider that
//! misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod lifecycle;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_identity-verification");

/// The unit under test.
const UNIT: &str = "identity-verification";
