//! The file of sources as an operator writes it, against servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
