//! What is checked, from the settings that the unit reads itself: a setting that the unit would miss is missing here.
//!
//! In: a unit and a reader of its settings. Out: its bus, database, queues and provider. Calls nothing.

use std::str::FromStr;
use std::time::Duration;

use provider_crm::CrmSettings;
use provider_identity::IdentitySettings;
use provider_sso::SsoSettings;
use secrecy::SecretString;
use serde::Serialize;
use settings::{Reader, SettingsError, both};
use worker_process::{BUS_NAME, DATABASE_URL, ProcessSettings};
use worker_runtime::Options;

use crate::OperationError;

/// A unit whose dependencies can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the unit of that name")]
pub enum Unit {
    SsoSync,
    CrmSync,
    IdentityVerification,
    AppLogin,
    CrmAccount,
    WebhookIngress,
    SsoResync,
    CrmResync,
}

/// No unit has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such unit")]
pub struct UnknownUnit;

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Self, UnknownUnit> {
        Self::ALL.into_iter().find(|unit| unit.name() == text).ok_or(UnknownUnit)
    }
}

/// The provider that a unit calls.
pub(crate) enum Provider {
    Sso(SsoSettings),
    Crm(CrmSettings),
    Identity(IdentitySettings),
    /// The unit is called by providers, and has read their secrets.
    Ingress,
    /// No unit is named.
    None,
}

/// A unit's queue and its DLQ, from the unit's settings.
#[derive(Debug, Clone)]
pub(crate) struct QueueUrls {
    pub(crate) unit: &'static str,
    pub(crate) queue: String,
    pub(crate) dlq: String,
}

/// The queues to check.
pub(crate) enum Queues {
    /// The unit's own.
    Of(QueueUrls),
    /// Every queue whose name begins with the bus's.
    All,
    /// The unit has none.
    None,
}

/// What is checked, and with which limits.
pub(crate) struct Target {
    pub(crate) bus: String,
    pub(crate) database_url: SecretString,
    pub(crate) queues: Queues,
    pub(crate) provider: Provider,
    /// Longest that one step of a handler may take.
    pub(crate) step_limit: Duration,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SsoSync,
        Self::CrmSync,
        Self::IdentityVerification,
        Self::AppLogin,
        Self::CrmAccount,
        Self::WebhookIngress,
        Self::SsoResync,
        Self::CrmResync,
    ];

    /// Its name everywhere: queue, binary, rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SsoSync => "sso-sync",
            Self::CrmSync => "crm-sync",
            Self::IdentityVerification => "identity-verification",
            Self::AppLogin => "app-login",
            Self::CrmAccount => "crm-account",
            Self::WebhookIngress => "webhook-ingress",
            Self::SsoResync => "sso-resync",
            Self::CrmResync => "crm-resync",
        }
    }

    /// Units that read from a queue of their own.
    pub(crate) fn with_queue() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|unit| *unit != Self::WebhookIngress)
    }

    fn read_provider(self, reader: &Reader) -> Result<Provider, SettingsError> {
        match self {
            Self::SsoSync | Self::AppLogin | Self::SsoResync => reader.load().map(Provider::Sso),
            Self::CrmSync | Self::CrmAccount | Self::CrmResync => reader.load().map(Provider::Crm),
            Self::IdentityVerification => reader.load().map(Provider::Identity),
            Self::WebhookIngress => Ok(Provider::Ingress),
        }
    }
}

impl Target {
    /// Reads the settings of a unit, or those that need none.
    ///
    /// # Errors
    /// [`OperationError::Settings`] with every setting that is missing or wrong.
    pub(crate) fn read(reader: &Reader, unit: Option<Unit>) -> Result<Self, OperationError> {
        Ok(match unit {
            None => Self::without_unit(reader)?,
            Some(Unit::WebhookIngress) => {
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
        let own = match unit {
            Unit::SsoResync | Unit::CrmResync => resync_process::check_settings(reader),
            _ => Ok(()),
        };
        let process = reader.load::<ProcessSettings>();
        let (process, (provider, ())) = both(process, both(unit.read_provider(reader), own))?;
        let urls = QueueUrls { unit: unit.name(), queue: process.queue_url, dlq: process.dlq_url };
        Ok(Self::new(process.bus_name, process.database_url, Queues::Of(urls), provider))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// A job with a queue depends on `resync-process`, and so do two jobs without one.
    #[test]
    fn every_worker_and_every_job_with_a_queue_can_be_checked() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let units: BTreeSet<String> = ["workers", "jobs"]
            .iter()
            .flat_map(|kind| std::fs::read_dir(root.join(kind)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|folder| {
                let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
                folder.starts_with(root.join("workers")) && !manifest.is_empty()
                    || manifest.contains("resync-process = ")
                        && !folder.ends_with("coppice")
                        && !folder.ends_with("resync-enqueuer")
            })
            .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        let known = Unit::ALL.map(|unit| unit.name().to_owned()).into_iter();
        assert_eq!(known.collect::<BTreeSet<_>>(), units);
    }

    #[test]
    fn a_unit_has_one_name_in_arguments_and_in_json() {
        for unit in Unit::ALL {
            assert_eq!(unit.name().parse(), Ok(unit));
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
        }
        assert_eq!("sso".parse::<Unit>(), Err(UnknownUnit));
    }
}
