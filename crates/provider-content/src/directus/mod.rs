//! Directus: items of collections, by when they were created and changed. What was deleted is not among that.

mod client;
mod config;
mod cursor;
mod query;
mod record;

pub use client::DirectusClient;
pub use config::DirectusConfig;

/// The source's name in rows.
pub const SOURCE: &str = "directus";
