//! The settings of the database, of each source, and of the queues: what the arguments need, and nothing else.

use std::collections::BTreeMap;

use clap::ValueEnum;
use crm_sync::CrmSettings;
use identity_verification::IdentitySettings;
use job_process::{Database, JobError};
use settings::{Reader, Setting, SettingsError, all, both};
use sso_sync::SsoSettings;
use worker_process::LOG;

settings::declare! {
    /// All settings, for `--help`, and those that every run reads.
    pub(crate) struct AuditSettings;

    database: Database = load;
    list use LOG;
    SSO_QUEUE: String = "COPPICE_SSO_RESYNC_QUEUE_URL" [required]
        "queue of sso-resync (output SsoResyncQueueUrl), for --repair without --queue-url";
    CRM_QUEUE: String = "COPPICE_CRM_RESYNC_QUEUE_URL" [required]
        "queue of crm-resync (output CrmResyncQueueUrl), for --repair without --queue-url";
    IDENTITY_QUEUE: String = "COPPICE_IDENTITY_VERIFICATION_QUEUE_URL" [required]
        "queue of identity-verification, which has no resync queue of its own, for --repair without --queue-url";
    list SsoSettings;
    list CrmSettings;
    list IdentitySettings;
}

/// The role of a source. The settings say which provider it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The identity provider: its users.
    Sso,
    /// The CRM: its contacts.
    Crm,
    /// The identity-verification provider: its cases.
    Identity,
}

pub(crate) enum SourceSettings {
    Sso(SsoSettings),
    Crm(CrmSettings),
    Identity(IdentitySettings),
}

pub(crate) struct Settings {
    pub(crate) database: Database,
    pub(crate) sources: BTreeMap<Kind, SourceSettings>,
    /// The queue for each source's divergent records. Empty without `--repair`.
    pub(crate) queues: BTreeMap<Kind, String>,
}

impl Settings {
    /// `queue_url` replaces the queue of the settings.
    pub(crate) fn read(kinds: &[Kind], repair: bool, queue_url: Option<&String>) -> Result<Self, JobError> {
        let reader = Reader::from_environment();
        let sources = all(kinds.iter().map(|kind| Ok((*kind, read_source(&reader, *kind)?))));
        let queues = all(kinds.iter().filter(|_| repair).map(|kind| {
            let queue = queue_url.cloned().map_or_else(|| reader.read(queue_of(*kind)), Ok);
            Ok((*kind, queue?))
        }));
        let (AuditSettings { database }, (sources, queues)) = both(reader.load(), both(sources, queues))?;
        if queue_url.is_some() && sources.len() > 1 {
            return Err(JobError::Usage(String::from(
                "--queue-url is the queue of one source: name one --source",
            )));
        }
        let (sources, queues) = (sources.into_iter().collect(), queues.into_iter().collect());
        Ok(Self { database, sources, queues })
    }
}

fn read_source(reader: &Reader, kind: Kind) -> Result<SourceSettings, SettingsError> {
    match kind {
        Kind::Sso => reader.load().map(SourceSettings::Sso),
        Kind::Crm => reader.load().map(SourceSettings::Crm),
        Kind::Identity => reader.load().map(SourceSettings::Identity),
    }
}

const fn queue_of(kind: Kind) -> Setting<String> {
    match kind {
        Kind::Sso => SSO_QUEUE,
        Kind::Crm => CRM_QUEUE,
        Kind::Identity => IDENTITY_QUEUE,
    }
}
