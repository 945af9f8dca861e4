//! Stripe Identity: partner events or webhooks in, verification sessions out. A session has no time of its last change: the
//! ticket that the worker draws before the refetch orders what it reads.

mod account;
mod client;
mod config;
mod events;
mod record;
mod webhook;

pub(crate) use account::is_account_id;
pub use client::StripeClient;
pub use config::StripeConfig;
pub(crate) use events::read_event;
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.stripe`.
pub const SOURCE: &str = "stripe";
