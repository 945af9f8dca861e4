//! Contentful: the Sync API, of which only a token has to be kept, single items, and webhooks.

mod client;
mod config;
mod record;
mod webhook;

pub use client::ContentfulClient;
pub use config::ContentfulConfig;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.contentful`.
pub const SOURCE: &str = "contentful";
