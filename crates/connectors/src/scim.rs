//! SCIM 2.0: any server that follows RFC 7643 and RFC 7644 (<https://www.rfc-editor.org/rfc/rfc7644>). Filters, sorting and
//! entity tags are optional: the server says what it can do, and the client works without the rest.

mod capabilities;
mod client;
mod feed;
mod list;
mod record;
mod webhook;

use authority::Role;

use crate::connector::{Connector, Vendor};

pub use client::{ScimClient, ScimConfig};
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.scim`.
const NAME: &str = "scim";

/// SCIM 2.0.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "SCIM 2.0",
    roles: &[Role::Sso, Role::Registry],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: client::read_event,
    described: Connector::not_described,
    settings: ScimClient::schema,
    check: <ScimClient as Vendor>::check,
    connect: <ScimClient as Vendor>::connect,
};
