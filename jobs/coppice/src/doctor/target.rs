//! What is checked, from the settings that the unit reads itself: what it would miss is missing here.

use std::time::Duration;

use clap::ValueEnum;
use job_process::JobError;
use provider_crm::CrmSettings;
use provider_identity::IdentitySettings;
use provider_sso::SsoSettings;
use secrecy::SecretString;
use serde::Serialize;
use settings::{Reader, SettingsError, both};
use worker_process::{BUS_NAME, DATABASE_URL, ProcessSettings};
use worker_runtime::Options;

/// The units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    SsoSync,
    CrmSync,
    IdentityVerification,
    AppLogin,
    CrmAccount,
    WebhookIngress,
    SsoResync,
    CrmResync,
}

/// The provider that a unit asks.
pub(crate) enum Provider {
    Sso(SsoSettings),
    Crm(CrmSettings),
    Identity(IdentitySettings),
    /// It is called by providers, and has read their secrets.
    Ingress,
    /// No unit is named.
    None,
}

/// A unit's queue and its dead-letter queue, as the unit is told.
#[derive(Debug, Clone)]
pub(crate) struct QueueUrls {
    pub(crate) unit: &'static str,
    pub(crate) queue: String,
    pub(crate) dlq: String,
}

/// What the queues are that are looked at.
pub(crate) enum Queues {
    /// The unit's.
    Of(QueueUrls),
    /// All whose name begins with the bus's.
    All,
    /// The unit has none.
    None,
}

/// What is checked.
pub(crate) struct Target {
    pub(crate) bus: String,
    pub(crate) database_url: SecretString,
    pub(crate) queues: Queues,
    pub(crate) provider: Provider,
    /// Longest that one step of a handler may take.
    pub(crate) step_limit: Duration,
}

impl Unit {
    /// Its name everywhere: queue, binary, rules.
    pub(crate) const fn name(self) -> &'static str {
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

    /// Those that read from a queue of their own.
    pub(crate) fn with_queue() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied().filter(|unit| *unit != Self::WebhookIngress)
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
    /// [`JobError::Usage`] with every setting that is missing or wrong.
    pub(crate) fn read(reader: &Reader, unit: Option<Unit>) -> Result<Self, JobError> {
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

    /// The jobs are those that read from a queue: their manifests name what they are.
    #[test]
    fn every_worker_and_every_job_with_a_queue_can_be_looked_after() {
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
        let known = Unit::value_variants().iter().map(|unit| unit.name().to_owned());
        assert_eq!(known.collect::<BTreeSet<_>>(), units);
    }

    #[test]
    fn a_unit_is_named_on_the_command_line_as_everywhere() {
        for unit in Unit::value_variants() {
            assert_eq!(unit.to_possible_value().unwrap().get_name(), unit.name());
        }
    }
}
