//! The settings of the database, of each source, and of the queues.
//!
//! In: arguments and the environment. Out: what these arguments need, and nothing else.

use std::collections::BTreeMap;

use crm_sync::{CRM_SETTINGS, CrmSettings};
use identity_verification::{IDENTITY_SETTINGS, IdentitySettings};
use job_process::{Database, JobError};
use settings::{Reader, Setting};
use sso_sync::{SSO_SETTINGS, SsoSettings};
use worker_process::LOG;

use crate::arguments::{Arguments, Kind};

const SSO_QUEUE: Setting = Setting::required(
    "COPPICE_SSO_RESYNC_QUEUE_URL",
    "queue of sso-resync (output SsoResyncQueueUrl), for --repair without --queue-url",
);
const CRM_QUEUE: Setting = Setting::required(
    "COPPICE_CRM_RESYNC_QUEUE_URL",
    "queue of crm-resync (output CrmResyncQueueUrl), for --repair without --queue-url",
);
const IDENTITY_QUEUE: Setting = Setting::required(
    "COPPICE_IDENTITY_VERIFICATION_QUEUE_URL",
    "queue of identity-verification, which has no resync queue of its own, for --repair without --queue-url",
);

/// All of them, for `--help`.
pub(crate) fn all() -> Vec<Setting> {
    let queues = [LOG, SSO_QUEUE, CRM_QUEUE, IDENTITY_QUEUE];
    [Database::SETTINGS, &queues, SSO_SETTINGS, CRM_SETTINGS, IDENTITY_SETTINGS].concat()
}

/// One source, ready to be connected.
pub(crate) enum SourceSettings {
    Sso(SsoSettings),
    Crm(CrmSettings),
    Identity(IdentitySettings),
}

/// Everything, parsed.
pub(crate) struct Settings {
    pub(crate) database: Database,
    pub(crate) sources: BTreeMap<Kind, SourceSettings>,
    /// The queue for each source's divergent records. Empty without `--repair`.
    pub(crate) queues: BTreeMap<Kind, String>,
}

impl Settings {
    /// Reads what these arguments need, and nothing else.
    pub(crate) fn read(mut reader: Reader, arguments: &Arguments) -> Result<Self, JobError> {
        let database = Database::read(&mut reader);
        let (mut sources, mut queues) = (BTreeMap::new(), BTreeMap::new());
        for kind in &arguments.sources {
            let settings = match kind {
                Kind::Sso => SsoSettings::read(&mut reader).map(SourceSettings::Sso),
                Kind::Crm => CrmSettings::read(&mut reader).map(SourceSettings::Crm),
                Kind::Identity => IdentitySettings::read(&mut reader).map(SourceSettings::Identity),
            };
            sources.extend(settings.map(|settings| (*kind, settings)));
            if arguments.repair {
                let queue = arguments.queue_url.clone().or_else(|| reader.read(queue_of(*kind)));
                queues.extend(queue.map(|queue| (*kind, queue)));
            }
        }
        reader.finish()?;
        if arguments.queue_url.is_some() && sources.len() > 1 {
            return Err(JobError::Usage(String::from(
                "--queue-url is the queue of one source: name one --source",
            )));
        }
        let database = database.ok_or_else(|| JobError::Usage(String::from("settings are missing")))?;
        Ok(Self { database, sources, queues })
    }
}

const fn queue_of(kind: Kind) -> Setting {
    match kind {
        Kind::Sso => SSO_QUEUE,
        Kind::Crm => CRM_QUEUE,
        Kind::Identity => IDENTITY_QUEUE,
    }
}
