//! The source whose records are listed. Must not know runs or queues.

use authority::Role;
use config::{CONFIG, Config, SourceConfig};
use connectors::{ChangedPage, ChangesFrom, Kept, ListedPage, Listing, ProviderError, Source};
use job_process::{Database, JobError};
use postgres_store::Store;
use settings::Reader;
use worker_process::{LOG, read_handed_over};

settings::declare! {
    /// All settings, for `--help`, and those that every run reads.
    pub(crate) struct EnqueuerSettings;

    database: Database = load;
    config: Config = use CONFIG;
    QUEUE_URL: String = "COPPICE_QUEUE_URL" [required]
        "URL of the queue to fill: that of the source's resync job" => queue_url;
    list use LOG;
}

pub(crate) struct Environment {
    pub(crate) database: Database,
    pub(crate) queue_url: String,
    pub(crate) provider: Provider,
}

impl Environment {
    pub(crate) fn read(source: &str) -> Result<Self, JobError> {
        let reader = Reader::from_environment();
        let EnqueuerSettings { database, config, queue_url } = reader.load()?;
        let provider = Provider::connect(&config, source, &reader)?;
        Ok(Self { database, queue_url, provider })
    }
}

/// A source that lists its records.
pub(crate) struct Provider(Source);

impl Provider {
    fn connect(config: &Config, name: &str, reader: &Reader) -> Result<Self, JobError> {
        let listing = |source: &&SourceConfig| source.role != Role::Identity;
        let known: Vec<&str> = config.sources().filter(listing).map(|source| source.name.as_str()).collect();
        let source = config.source(name).filter(|source| known.contains(&source.name.as_str()));
        let source = source.ok_or_else(|| {
            JobError::Usage(format!("no source {name:?} that lists its records: {}", known.join(", ")))
        })?;
        let source = source.connect(reader)?;
        if source.records.listing().is_none() {
            return Err(JobError::Usage(format!("{name} cannot list its records")));
        }
        Ok(Self(source))
    }

    /// Lists the records that the database has, if they were handed over.
    pub(crate) fn reads_from(&self, store: &Store) {
        read_handed_over(&self.0, store);
    }

    pub(crate) fn source(&self) -> &str {
        self.0.name()
    }

    /// What its feed of changes is about, as `source_cursor` names it.
    pub(crate) const fn entity(&self) -> &'static str {
        match self.0.role {
            Role::Sso => "user",
            Role::Crm => "contact",
            Role::Identity => "case",
            Role::Registry => "record",
        }
    }

    pub(crate) async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        self.listing()?.list(after).await
    }

    pub(crate) async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        self.listing()?.changes(from).await
    }

    /// Keeps the subscription by which the source sends its changes. `None`: it needs none.
    pub(crate) async fn keep_subscription(&self) -> Result<Option<Kept>, ProviderError> {
        match self.0.records.subscriptions() {
            Some(subscriptions) => subscriptions.keep().await.map(Some),
            None => Ok(None),
        }
    }

    fn listing(&self) -> Result<&dyn Listing, ProviderError> {
        self.0.records.listing().ok_or(ProviderError::Invalid { status: 501 })
    }
}
