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
mod routes;
mod sign_in;
mod text_or_number;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::Auth0Client;
pub use config::Auth0Config;
pub use sign_in::SignInTypes;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.auth0`.
const NAME: &str = "auth0";

/// Auth0.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Auth0",
    roles: &[Role::Sso],
    partner: Some(routes::PARTNER),
    routes: routes::ROUTES,
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: events::read_event,
    described: Connector::not_described,
    settings: Auth0Client::schema,
    check: <Auth0Client as Vendor>::check,
    connect: <Auth0Client as Vendor>::connect,
};
