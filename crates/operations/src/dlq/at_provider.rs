//! What a record is now at its provider, asked with the workers' own code and settings. Out: whether it is there, and its
//! version. Nothing of its content leaves this module.

use std::fmt;

use config::Config;
use connectors::{Fetched, Source};
use postgres_store::Store;
use serde::{Serialize, Serializer};
use settings::Reader;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker_process::read_handed_over;

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

/// Asks sources for records, if the secrets of their settings are here.
#[derive(Debug)]
pub struct Sources<'a> {
    config: &'a Config,
    reader: &'a Reader,
}

impl<'a> Sources<'a> {
    /// The sources of a file, whose secrets `reader` has. What is missing is named in the report.
    pub const fn new(config: &'a Config, reader: &'a Reader) -> Self {
        Self { config, reader }
    }

    pub(super) async fn ask(&self, store: &Store, source: &str, id: &str) -> AtProvider {
        let Some(source) = self.config.source(source) else {
            return AtProvider::NotAsked(String::from("coppice.toml has no such source"));
        };
        match source.connect(self.reader) {
            Ok(connected) => {
                read_handed_over(&connected, store);
                fetch(&connected, id).await
            }
            Err(error) => {
                let names: Vec<&str> = error.faults().iter().map(|fault| fault.name.as_ref()).collect();
                AtProvider::NotAsked(format!("settings are missing or wrong: {}", names.join(", ")))
            }
        }
    }
}

async fn fetch(source: &Source, id: &str) -> AtProvider {
    match source.records.fetch(id, None).await {
        Ok(Fetched::Found(record)) => AtProvider::There { version_at: record.version_at },
        Ok(Fetched::Gone { .. }) => AtProvider::Gone,
        Ok(Fetched::NotFound | Fetched::NotVisible) => AtProvider::NotFound,
        Ok(Fetched::NotModified) => {
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
