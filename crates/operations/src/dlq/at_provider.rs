//! What a record is now at its provider, asked with the workers' own code and settings. Out: whether it is there, and its
//! version. Nothing of its content leaves this module.

use std::fmt;

use crm_sync::CrmRecords;
use identity_verification::IdentityRecords;
use provider_crm::CrmSettings;
use provider_identity::IdentitySettings;
use provider_sso::SsoSettings;
use record_sync::{FetchedRecord, RecordSource, SsoRecords};
use serde::{Serialize, Serializer};
use settings::{Reader, Settings};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the provider says of a record. Serialises as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtProvider {
    /// The record is there.
    There {
        /// The source's version, if it has versions.
        version_at: Option<OffsetDateTime>,
    },
    /// The provider proves that it is deleted.
    Gone,
    /// It does not show the record: that may be a deletion, or our permissions.
    NotFound,
    /// The provider could not say, and why.
    Failed(String),
    /// The provider was not asked, and why.
    NotAsked(String),
    /// A person of our own. No provider has it.
    OurOwn,
}

/// The settings of the providers that can be asked. Those that are missing or wrong are named in the report.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    sso: Result<SsoSettings, String>,
    crm: Result<CrmSettings, String>,
    identity: Result<IdentitySettings, String>,
}

impl ProviderSettings {
    /// Reads the settings of each role.
    pub fn read(reader: &Reader) -> Self {
        Self { sso: read(reader), crm: read(reader), identity: read(reader) }
    }

    pub(super) async fn ask(&self, source: &str, id: &str) -> AtProvider {
        match source {
            "auth0" | "entra" | "okta" | "scim" => match connected(&self.sso, SsoSettings::connect) {
                Ok(client) => fetch(&SsoRecords(client), source, id).await,
                Err(why) => AtProvider::NotAsked(why),
            },
            "salesforce" | "hubspot" => match connected(&self.crm, CrmSettings::connect) {
                Ok(client) => fetch(&CrmRecords::new(client), source, id).await,
                Err(why) => AtProvider::NotAsked(why),
            },
            "stripe" | "persona" => match connected(&self.identity, IdentitySettings::connect) {
                Ok(client) => fetch(&IdentityRecords(client), source, id).await,
                Err(why) => AtProvider::NotAsked(why),
            },
            _ => AtProvider::NotAsked(String::from("it is one of our own records")),
        }
    }
}

fn read<S: Settings>(reader: &Reader) -> Result<S, String> {
    reader.load().map_err(|error| {
        let names: Vec<&str> = error.faults().iter().map(|fault| fault.name).collect();
        format!("settings are missing or wrong: {}", names.join(", "))
    })
}

fn connected<S: Clone, C, E: fmt::Display>(
    settings: &Result<S, String>,
    connect: impl FnOnce(S) -> Result<C, E>,
) -> Result<C, String> {
    connect(settings.clone()?).map_err(|error| error.to_string())
}

async fn fetch(records: &impl RecordSource, source: &str, id: &str) -> AtProvider {
    if records.source() != source {
        return AtProvider::NotAsked(format!("the settings here are for {}", records.source()));
    }
    match records.fetch(id, None).await {
        Ok(FetchedRecord::Found(found)) => AtProvider::There { version_at: found.version_at },
        Ok(FetchedRecord::Gone { .. }) => AtProvider::Gone,
        Ok(FetchedRecord::NotFound | FetchedRecord::NotVisible) => AtProvider::NotFound,
        Ok(FetchedRecord::NotModified) => {
            AtProvider::Failed(String::from("it answered 'not modified', which was not asked for"))
        }
        Err(error) => AtProvider::Failed(error.to_string()),
    }
}

impl fmt::Display for AtProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There { version_at: Some(at) } => write!(f, "there, version {}", instant(*at)),
            Self::There { version_at: None } => f.write_str("there, without a version"),
            Self::Gone => f.write_str("gone"),
            Self::NotFound => f.write_str("not found: deleted, or hidden from our user"),
            Self::Failed(why) => write!(f, "no answer: {why}"),
            Self::NotAsked(why) => write!(f, "not asked: {why}"),
            Self::OurOwn => f.write_str("a person is our own record: no provider has it"),
        }
    }
}

impl Serialize for AtProvider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
