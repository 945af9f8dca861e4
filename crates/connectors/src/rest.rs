//! Any HTTP API that answers JSON: the file describes where its records are, how they are listed, and where a record has each value.
//! Paths are JSONPath (<https://www.rfc-editor.org/rfc/rfc9535>), compiled once. There is no computation besides a closed set of
//! transformations.
//!
//! In: a description and an ID. Out: the record as the API says it is now. What the description does not recognise is an error,
//! and never an empty list or a deleted record.

mod client;
mod compile;
mod description;
mod events;
mod feed;
mod field;
mod item;
mod paging;
mod path;
mod push;
mod template;
mod webhook;

use authority::Role;
use serde::Deserialize as _;
use serde_json::Value;

use crate::connector::{Connector, Vendor};
use crate::described::Described;

use compile::Rest;

pub use client::RestClient;
pub use compile::NO_FIELDS;
pub use description::RestConfig;
pub use webhook::WEBHOOK;

/// The connector's name, also in `coppice.ingress.<source>`.
const NAME: &str = "rest";

/// What a description says of events. Settings with a fault have none; [`Connector::check`] names it.
fn described(settings: &Value) -> Described {
    let rest = RestConfig::deserialize(settings).ok().and_then(|config| Rest::compile(&config).ok());
    rest.map(|rest| rest.described).unwrap_or_default()
}

/// A described API.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "REST",
    roles: &[Role::Registry, Role::Crm],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: webhook::read_event,
    described,
    settings: RestClient::schema,
    check: <RestClient as Vendor>::check,
    connect: <RestClient as Vendor>::connect,
};
