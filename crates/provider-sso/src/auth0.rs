//! Auth0: Event Streams and log streams in, Management API v2 out. *Event Streams* name the changed user in one field; *log
//! streams* are older, and name the user in different places. Both lead to the same fetch.

mod client;
mod config;
mod event_stream;
mod events;
mod feed;
mod listing;
mod log_stream;
mod management_write;
mod record;
pub(crate) mod settings;
mod sign_in;
mod text_or_number;
mod webhook;

pub use client::Auth0Client;
pub use config::Auth0Config;
pub(crate) use events::read_event;
pub use sign_in::SignInTypes;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.auth0`.
pub const SOURCE: &str = "auth0";
