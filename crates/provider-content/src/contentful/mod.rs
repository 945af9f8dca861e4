//! Contentful: the Sync API, whose token is all that has to be kept, and single items.

mod client;
mod config;
mod record;

pub use client::ContentfulClient;
pub use config::ContentfulConfig;

/// The source's name in rows.
pub const SOURCE: &str = "contentful";
