//! The provider that lists records or changes, whatever its role. Must not know runs or queues.

use clap::ValueEnum;
use job_process::{Database, JobError};
use provider_crm::{CrmClient, CrmProvider, CrmSettings};
use provider_sso::{
    ChangedPage, ChangesFrom, ListedPage, ProviderError, SsoClient, SsoProvider, SsoSettings,
};
use settings::{Reader, both};
use worker_process::LOG;

settings::declare! {
    /// All settings, for `--help`, and those that every run reads.
    pub(crate) struct EnqueuerSettings;

    database: Database = load;
    QUEUE_URL: String = "COPPICE_QUEUE_URL" [required]
        "URL of the queue to fill: that of sso-resync or of crm-resync" => queue_url;
    list use LOG;
    list SsoSettings;
    list CrmSettings;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Users of the identity provider.
    Sso,
    /// Contacts of the CRM.
    Crm,
}

pub(crate) struct Environment {
    pub(crate) database: Database,
    pub(crate) queue_url: String,
    pub(crate) provider: Provider,
}

impl Environment {
    pub(crate) fn read(role: RoleName) -> Result<Self, JobError> {
        let reader = Reader::from_environment();
        let own = reader.load::<EnqueuerSettings>();
        let (own, connected) = match role {
            RoleName::Sso => {
                let (own, settings) = both(own, reader.load::<SsoSettings>())?;
                (own, settings.connect().map(Provider::Sso))
            }
            RoleName::Crm => {
                let (own, settings) = both(own, reader.load::<CrmSettings>())?;
                (own, settings.connect().map(Provider::Crm))
            }
        };
        let EnqueuerSettings { database, queue_url } = own;
        let provider = connected.map_err(|error| JobError::Usage(error.to_string()))?;
        Ok(Self { database, queue_url, provider })
    }
}

pub(crate) enum Provider {
    Sso(SsoClient),
    Crm(CrmClient),
}

impl Provider {
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
