//! The client against a small HTTP server: what it sends, and what each reply becomes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod answers;
mod auth;
mod limits;
mod pages;
mod server;
mod tokens;
mod vendor_errors;
mod writes;
