//! Records that are handed over: of a system that cannot be asked for a record, as claims of identity at sign-in, or the extract
//! that a county sends each night. Coppice keeps them in a table, which is their source from then on.
//!
//! In: IDs, and a [`RecordTable`]. Out: records. This module must not know the database: a process that has one gives it a table.

mod client;
mod proof;
mod record;
mod table;

use authority::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use crate::connector::{ConnectError, Connected, Connector, Limits, SettingFault};
use crate::mapping::Mapping;

pub use client::HandedOverClient;
pub use proof::WEBHOOK;
pub use table::{ChangePlace, HandedOver, RecordTable, TableSlot, TableUnavailable};

/// The connector's name, also in `coppice.toml`.
pub(crate) const NAME: &str = "handed-over";

/// Records that are handed over.
pub const CONNECTOR: Connector = Connector {
    name: NAME,
    vendor: "Records that are handed over",
    roles: &[Role::Crm, Role::Registry],
    partner: None,
    routes: &[],
    webhook: Some(WEBHOOK),
    takes: None,
    read_event: client::read_event,
    described: Connector::not_described,
    settings: schema,
    check,
    connect,
};

/// The settings of a source: none of its own. What it sends is proven by `webhook_secrets`, and read as `map` says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandedOverConfig {}

fn schema(generator: &mut SchemaGenerator) -> Schema {
    HandedOverConfig::json_schema(generator)
}

fn check(settings: &Value) -> Vec<SettingFault> {
    let fault = HandedOverConfig::deserialize(settings).err();
    fault
        .map(|error| SettingFault { pointer: String::new(), message: error.to_string() })
        .into_iter()
        .collect()
}

/// Without a table at first: see [`Source::read_from`](crate::Source::read_from). The limits are those of HTTP, which it does not use.
fn connect(settings: &Value, mapping: Mapping, _: Limits) -> Result<Connected, ConnectError> {
    HandedOverConfig::deserialize(settings).map_err(ConnectError::Settings)?;
    Ok(std::sync::Arc::new(HandedOverClient::new(mapping)))
}
