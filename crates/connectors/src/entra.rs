//! Microsoft Entra ID: change notifications in, Microsoft Graph out (<https://learn.microsoft.com/graph/api/resources/user>).
//! A notification says which user changed. It comes late, several times or never, so that the delta query is read too.

mod changes;
mod client;
mod config;
mod delta;
mod guid;
mod listing;
mod record;
mod subscription;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::EntraClient;
pub use config::{Cloud, EntraAuth, EntraConfig, Notifications};
pub use subscription::Subscription;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.entra`.
const NAME: &str = "entra";

/// Microsoft Entra ID.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Microsoft Entra ID",
    roles: &[Role::Sso],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: changes::read_event,
    described: Connector::not_described,
    settings: EntraClient::schema,
    check: <EntraClient as Vendor>::check,
    connect: <EntraClient as Vendor>::connect,
};
