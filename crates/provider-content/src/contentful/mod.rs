//! Contentful: the Sync API, whose token is all that has to be kept, and single items.

mod client;
mod config;
mod record;
mod webhook;

pub use client::ContentfulClient;
pub use config::ContentfulConfig;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.contentful`.
pub const SOURCE: &str = "contentful";
