//! Runs the real binary with an emulator, Postgres, workers as processes, and alarms that notify their topic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod alarm_checks;
mod broken_hops;
mod drills;
mod heartbeats;
mod stage;
