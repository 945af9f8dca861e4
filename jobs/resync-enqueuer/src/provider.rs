//! The provider that lists records or changes, whatever its role.
//!
//! In: settings. Out: pages of IDs. Must not know runs or queues.

use job_process::{Database, JobError};
use provider_crm::{CRM_SETTINGS, CrmClient, CrmProvider, CrmSettings};
use provider_sso::{
    ChangedPage, ChangesFrom, ListedPage, ProviderError, SSO_SETTINGS, SsoClient, SsoProvider, SsoSettings,
};
use settings::{Reader, Setting};
use worker_process::LOG;

use crate::arguments::RoleName;

const QUEUE_URL: Setting = Setting::required(
    "COPPICE_QUEUE_URL",
    "URL of the queue of sso-resync or crm-resync, whichever is filled",
);

/// All settings, for `--help`.
pub(crate) fn known_settings() -> Vec<Setting> {
    let own = [QUEUE_URL, LOG];
    [Database::SETTINGS, &own, SSO_SETTINGS, CRM_SETTINGS].concat()
}

/// What the job needs from its environment.
pub(crate) struct Environment {
    pub(crate) database: Database,
    pub(crate) queue_url: String,
    pub(crate) provider: Provider,
}

impl Environment {
    /// # Errors
    /// [`JobError::Usage`] with all that is missing or wrong.
    pub(crate) fn read(role: RoleName) -> Result<Self, JobError> {
        let mut reader = Reader::from_environment();
        let (database, queue_url) = (Database::read(&mut reader), reader.read(QUEUE_URL));
        let missing = || JobError::Usage(String::from("settings are missing"));
        let unusable = |error: &dyn std::fmt::Display| JobError::Usage(error.to_string());
        let provider = match role {
            RoleName::Sso => {
                let settings = SsoSettings::read(&mut reader);
                reader.finish()?;
                let client = settings.ok_or_else(missing)?.connect();
                Provider::Sso(client.map_err(|error| unusable(&error))?)
            }
            RoleName::Crm => {
                let settings = CrmSettings::read(&mut reader);
                reader.finish()?;
                let client = settings.ok_or_else(missing)?.connect();
                Provider::Crm(client.map_err(|error| unusable(&error))?)
            }
        };
        Ok(Self {
            database: database.ok_or_else(missing)?,
            queue_url: queue_url.ok_or_else(missing)?,
            provider,
        })
    }
}

/// An identity provider, or a CRM.
pub(crate) enum Provider {
    Sso(SsoClient),
    Crm(CrmClient),
}

impl Provider {
    /// The source's stable name.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::Sso(client) => client.source(),
            Self::Crm(client) => client.source(),
        }
    }

    /// What its feed of changes is about, as `source_cursor` names it.
    pub(crate) const fn entity(&self) -> &'static str {
        match self {
            Self::Sso(_) => "user",
            Self::Crm(_) => "contact",
        }
    }

    pub(crate) async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        match self {
            Self::Sso(client) => client.list(after).await,
            Self::Crm(client) => client.list(after).await,
        }
    }

    pub(crate) async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        match self {
            Self::Sso(client) => client.changes(from).await,
            Self::Crm(client) => client.changes(from).await,
        }
    }
}
