//! Runs the real binary with real workers, a real database and simulated providers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod divergences;
mod faults;
mod repairs;
mod world;
