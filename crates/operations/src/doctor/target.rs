//! What is checked, from the settings that the unit reads itself: a setting that the unit would miss is missing here.

use std::str::FromStr;
use std::time::Duration;

use config::{CONFIG, Config};
use connectors::Source;
use secrecy::SecretString;
use serde::{Serialize, Serializer};
use settings::{Reader, SettingsError, both};
use topology::Model;
use worker_process::{BUS_NAME, DATABASE_URL, ProcessSettings};
use worker_runtime::Options;

use crate::OperationError;

/// A unit whose dependencies can be checked: one that runs the consumer loop, or answers webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit(&'static fleet::Unit);

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// No unit has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such unit")]
pub struct UnknownUnit;

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Self, UnknownUnit> {
        Self::all().find(|unit| unit.name() == text).ok_or(UnknownUnit)
    }
}

pub(crate) enum Provider {
    /// The branch's source.
    Of(Source),
    /// The unit is called by providers, and has read their secrets.
    Ingress,
    /// No unit is named.
    None,
}

pub(crate) enum Queues {
    /// The unit's own, by their URLs.
    Of { branch: String, queue: String, dlq: String },
    /// Those of every branch.
    All,
    /// The unit has none.
    None,
}

pub(crate) struct Target {
    pub(crate) bus: String,
    pub(crate) database_url: SecretString,
    pub(crate) queues: Queues,
    pub(crate) provider: Provider,
    /// What AWS has to have for the file of sources.
    pub(crate) model: Model,
    /// Longest that one step of a handler may take.
    pub(crate) step_limit: Duration,
}

impl Unit {
    /// All of them, in the order of the table of units.
    pub fn all() -> impl Iterator<Item = Self> {
        fleet::UNITS.iter().filter(|unit| unit.serves_health()).map(Self)
    }

    /// Its name everywhere.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    fn is_server(self) -> bool {
        self.0.kind == fleet::Kind::Server
    }
}

impl Target {
    pub(crate) fn read(reader: &Reader, unit: Option<Unit>) -> Result<Self, OperationError> {
        Ok(match unit {
            None => Self::without_unit(reader)?,
            Some(unit) if unit.is_server() => {
                let (ingress, config) =
                    both(webhook_ingress::read_dependencies(reader), reader.read(CONFIG))?;
                let (bus, database_url) = (ingress.bus_name, ingress.database_url);
                Self::new(bus, database_url, Queues::None, Provider::Ingress, &config)?
            }
            Some(unit) => Self::of_worker(reader, unit)?,
        })
    }

    fn new(
        bus: String,
        database_url: SecretString,
        queues: Queues,
        provider: Provider,
        file: &Config,
    ) -> Result<Self, SettingsError> {
        let model = Model::of(file).map_err(|faults| CONFIG.fault(faults.to_string()))?;
        Ok(Self { bus, database_url, queues, provider, model, step_limit: Options::default().step_limit })
    }

    fn without_unit(reader: &Reader) -> Result<Self, SettingsError> {
        let of_process = both(reader.read(DATABASE_URL), reader.read(BUS_NAME));
        let ((database_url, bus), config) = both(of_process, reader.read(CONFIG))?;
        Self::new(bus, database_url, Queues::All, Provider::None, &config)
    }

    /// Whether a source's dependencies are checked.
    pub(crate) fn is_about(&self, source: &str) -> bool {
        match (&self.queues, &self.provider) {
            (Queues::All, _) => true,
            (_, Provider::Of(own)) => own.name() == source,
            (_, Provider::Ingress | Provider::None) => false,
        }
    }

    fn of_worker(reader: &Reader, unit: Unit) -> Result<Self, SettingsError> {
        let own = match unit.0.kind {
            fleet::Kind::Job => resync_process::check_settings(reader),
            _ => Ok(()),
        };
        let (process, ()) = both(reader.load::<ProcessSettings>(), own)?;
        let provider = Provider::Of(process.source.connect(reader)?);
        let branch = format!("{}-{}", unit.name(), process.source.name);
        let queues = Queues::Of { branch, queue: process.queue_url, dlq: process.dlq_url };
        Self::new(process.bus_name, process.database_url, queues, provider, &process.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_one_name_in_arguments_and_in_json() {
        for unit in Unit::all() {
            assert_eq!(unit.name().parse(), Ok(unit));
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
        }
        assert_eq!("sso".parse::<Unit>(), Err(UnknownUnit));
    }
}
