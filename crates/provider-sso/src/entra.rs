//! Microsoft Entra ID: change notifications in, Microsoft Graph out (<https://learn.microsoft.com/graph/api/resources/user>).
//! A notification says which user changed. It comes late, several times or never, so that the delta query is read too.

mod changes;
mod client;
mod config;
mod delta;
mod guid;
mod listing;
mod record;
pub(crate) mod settings;
mod sign_in;
mod subscription;
mod webhook;

pub(crate) use changes::read_event;
pub use client::EntraClient;
pub use config::{Cloud, EntraAuth, EntraConfig};
pub use subscription::{Ensured, Subscription};
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.entra`.
pub const SOURCE: &str = "entra";
