//! What a record is now at its provider: asked as the workers ask, when the workers' settings are there.

use std::fmt;

use crm_sync::CrmRecords;
use identity_verification::IdentityRecords;
use job_process::instant;
use provider_crm::CrmSettings;
use provider_identity::IdentitySettings;
use provider_sso::SsoSettings;
use record_sync::{FetchedRecord, RecordSource, SsoRecords};
use settings::{Reader, Settings};
use time::OffsetDateTime;

/// What the provider says, without a word of the record.
pub(super) enum AtProvider {
    There {
        version_at: Option<OffsetDateTime>,
    },
    Gone,
    /// It could not say.
    Failed(String),
    /// Why nobody asked.
    NotAsked(String),
}

impl fmt::Display for AtProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There { version_at: Some(at) } => write!(f, "there, version {}", instant(*at)),
            Self::There { version_at: None } => f.write_str("there, without a version"),
            Self::Gone => f.write_str("gone"),
            Self::Failed(why) => write!(f, "did not say: {why}"),
            Self::NotAsked(why) => write!(f, "not asked: {why}"),
        }
    }
}

/// Asks for a record of `source`.
pub(super) async fn ask(source: &str, id: &str) -> AtProvider {
    let reader = Reader::from_environment();
    match source {
        "auth0" | "okta" | "scim" => {
            let connect = |settings: SsoSettings| settings.connect().map_err(|error| error.to_string());
            match connected(&reader, connect) {
                Ok(client) => fetch(&SsoRecords(client), source, id).await,
                Err(why) => why,
            }
        }
        "salesforce" => {
            let connect = |settings: CrmSettings| settings.connect().map_err(|error| error.to_string());
            match connected(&reader, connect) {
                Ok(client) => fetch(&CrmRecords::new(client), source, id).await,
                Err(why) => why,
            }
        }
        "stripe" | "persona" => {
            let connect = |settings: IdentitySettings| settings.connect().map_err(|error| error.to_string());
            match connected(&reader, connect) {
                Ok(client) => fetch(&IdentityRecords(client), source, id).await,
                Err(why) => why,
            }
        }
        _ => AtProvider::NotAsked(String::from("it is a record of our own")),
    }
}

fn connected<S: Settings, C>(
    reader: &Reader,
    connect: impl FnOnce(S) -> Result<C, String>,
) -> Result<C, AtProvider> {
    let settings = reader.load().map_err(|error| {
        let wrong: Vec<&str> = error.faults().iter().map(|fault| fault.name).collect();
        AtProvider::NotAsked(format!("settings are missing or wrong: {}", wrong.join(", ")))
    })?;
    connect(settings).map_err(AtProvider::NotAsked)
}

async fn fetch(records: &impl RecordSource, source: &str, id: &str) -> AtProvider {
    if records.source() != source {
        return AtProvider::NotAsked(format!("the settings here are {}'s", records.source()));
    }
    match records.fetch(id, None).await {
        Ok(FetchedRecord::Found(found)) => AtProvider::There { version_at: found.version_at },
        Ok(FetchedRecord::Gone { .. }) => AtProvider::Gone,
        Ok(FetchedRecord::NotModified) => AtProvider::Failed(String::from("it answered what was not asked")),
        Err(error) => AtProvider::Failed(error.to_string()),
    }
}
