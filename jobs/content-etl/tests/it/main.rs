//! Runs the real binary with a real database and simulated content management systems.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod contentful;
mod crashes;
mod deletions;
mod directus;
mod dry_runs;
mod faults;
mod job;
mod privacy;
mod usage;
mod world;
