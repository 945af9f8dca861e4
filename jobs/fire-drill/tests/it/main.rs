//! The real binary in a real world: emulator, Postgres, workers as processes, alarms that tell their topic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod alarm_checks;
mod broken_hops;
mod drills;
mod heartbeats;
mod stage;
