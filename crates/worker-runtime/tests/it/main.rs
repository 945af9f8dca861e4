//! The loop, on a queue and a ledger in memory, with a handler that does what a test says, on paused time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod attempts;
mod dead_letters;
mod faulty_ledger;
mod handler_faults;
mod handling;
mod keeping;
mod ledger_conformance;
mod ledger_faults;
mod mixed;
mod outages;
mod queue_faults;
mod receiving;
mod recovery;
mod script;
mod stopping;
mod until_empty;
mod world;
