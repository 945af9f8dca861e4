//! Okta: System Log events in, Users API and System Log API out. Some events are lost, since Okta tries a delivery only twice:
//! <https://help.okta.com/en-us/content/topics/reports/log-streaming/add-aws-eb-log-stream.htm>.

mod changes;
mod client;
mod config;
mod feed;
mod listing;
mod log_event;
mod record;
mod routes;
mod sign_in;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::OktaClient;
pub use config::{OktaAuth, OktaConfig};
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.okta`.
const NAME: &str = "okta";

/// Okta.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Okta",
    roles: &[Role::Sso],
    partner: Some(routes::PARTNER),
    routes: routes::ROUTES,
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: changes::read_event,
    described: Connector::not_described,
    settings: OktaClient::schema,
    check: <OktaClient as Vendor>::check,
    connect: <OktaClient as Vendor>::connect,
};
