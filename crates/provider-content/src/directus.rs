//! Directus: items of collections, in the order of their creation and change. Deleted items are not in it.

mod client;
mod config;
mod cursor;
mod query;
mod record;

pub use client::DirectusClient;
pub use config::DirectusConfig;

/// The source's name in rows.
pub const SOURCE: &str = "directus";
