//! The model and the client against one suite, and each against what the suite cannot stage.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod emulator;
mod memory_conformance;
mod memory_faults;
mod operating;
mod stub;
mod stub_replies;
