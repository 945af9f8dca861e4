//! What is checked, from the settings that the unit reads itself: a setting that the unit would miss is missing here.

use std::str::FromStr;
use std::time::Duration;

use fleet::Role;
use provider_crm::CrmSettings;
use provider_identity::IdentitySettings;
use provider_sso::SsoSettings;
use secrecy::SecretString;
use serde::{Serialize, Serializer};
use settings::{Reader, SettingsError, both};
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
    Sso(SsoSettings),
    Crm(CrmSettings),
    Identity(IdentitySettings),
    /// The unit is called by providers, and has read their secrets.
    Ingress,
    /// No unit is named.
    None,
}

pub(crate) enum Queues {
    /// The unit's own, by their URLs.
    Of { unit: &'static str, queue: String, dlq: String },
    /// Every queue whose name begins with the bus's.
    All,
    /// The unit has none.
    None,
}

pub(crate) struct Target {
    pub(crate) bus: String,
    pub(crate) database_url: SecretString,
    pub(crate) queues: Queues,
    pub(crate) provider: Provider,
    /// Longest that one step of a handler may take.
    pub(crate) step_limit: Duration,
}

impl Unit {
    /// All of them, in the order of the table of units.
    pub fn all() -> impl Iterator<Item = Self> {
        fleet::UNITS.iter().filter(|unit| unit.serves_health()).map(Self)
    }

    /// Its name everywhere: queue, binary, rules.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    fn is_server(self) -> bool {
        self.0.kind == fleet::Kind::Server
    }

    fn read_provider(self, reader: &Reader) -> Result<Provider, SettingsError> {
        match self.0.providers.first() {
            Some(Role::Sso) => reader.load().map(Provider::Sso),
            Some(Role::Crm) => reader.load().map(Provider::Crm),
            Some(Role::Identity) => reader.load().map(Provider::Identity),
            // No unit with a queue reads content.
            Some(Role::Content) | None => Ok(Provider::Ingress),
        }
    }
}

impl Target {
    pub(crate) fn read(reader: &Reader, unit: Option<Unit>) -> Result<Self, OperationError> {
        Ok(match unit {
            None => Self::without_unit(reader)?,
            Some(unit) if unit.is_server() => {
                let ingress = webhook_ingress::read_dependencies(reader)?;
                Self::new(ingress.bus_name, ingress.database_url, Queues::None, Provider::Ingress)
            }
            Some(unit) => Self::of_worker(reader, unit)?,
        })
    }

    fn new(bus: String, database_url: SecretString, queues: Queues, provider: Provider) -> Self {
        Self { bus, database_url, queues, provider, step_limit: Options::default().step_limit }
    }

    fn without_unit(reader: &Reader) -> Result<Self, SettingsError> {
        let (database_url, bus) = both(reader.read(DATABASE_URL), reader.read(BUS_NAME))?;
        Ok(Self::new(bus, database_url, Queues::All, Provider::None))
    }

    fn of_worker(reader: &Reader, unit: Unit) -> Result<Self, SettingsError> {
        let own = match unit.0.kind {
            fleet::Kind::Job => resync_process::check_settings(reader),
            _ => Ok(()),
        };
        let process = reader.load::<ProcessSettings>();
        let (process, (provider, ())) = both(process, both(unit.read_provider(reader), own))?;
        let queues = Queues::Of { unit: unit.name(), queue: process.queue_url, dlq: process.dlq_url };
        Ok(Self::new(process.bus_name, process.database_url, queues, provider))
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
