//! Auth0: Event Streams and log streams in, Management API v2 out.
//!
//! Two feeds reach the bus for one tenant: *Event Streams* name the changed user plainly; *log streams* are older,
//! and hide the user in four different places (`log_stream.rs`). Both lead to the same fetch.

mod client;
mod event_stream;
mod events;
mod log_stream;
mod management_write;
mod record;
mod text_or_number;

pub use client::{Auth0Client, Auth0Config};

/// The source's name in rows, and in `coppice.ingress.auth0`.
pub const SOURCE: &str = "auth0";
