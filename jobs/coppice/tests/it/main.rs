//! Runs the real binary with a real database: one test for each command, as text and as JSON.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod aws_answers;
mod config_commands;
mod dlq_commands;
mod doctor;
mod links;
mod persons;
mod records;
mod redrives;
mod retention;
mod second_emulator;
mod sources;
mod topology;
mod world;
