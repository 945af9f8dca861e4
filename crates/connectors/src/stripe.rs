//! Stripe Identity: partner events or webhooks in, verification sessions out. A session has no time of its last change: the
//! ticket that the worker draws before the refetch orders what it reads.

mod account;
mod client;
mod config;
mod events;
mod record;
mod routes;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::StripeClient;
pub use config::StripeConfig;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.stripe`.
const NAME: &str = "stripe";

/// Stripe Identity.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Stripe Identity",
    roles: &[Role::Identity],
    partner: Some(routes::PARTNER),
    routes: routes::ROUTES,
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: events::read_event,
    described: Connector::not_described,
    settings: StripeClient::schema,
    check: <StripeClient as Vendor>::check,
    connect: <StripeClient as Vendor>::connect,
};
