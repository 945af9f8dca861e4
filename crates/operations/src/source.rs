//! Tries a source with one record: what was sent, what came back, what each path of its `map` found, and what a worker would
//! write for whom. In: a source of `coppice.toml` with its secrets, and the source's ID of a record. Out: a [`SourceTest`].
//! Writes nothing, and works without a database. This module must not know how a report is shown.

use authority::{Class, Field, Policy};
use config::{Config, SourceConfig};
use connectors::{Exchanged, Fetched, Record, Recorder};
use postgres_store::{Announce, PersonReading, ReadingPreview, RecordState, Source, Store};
use record_sync::{SourceRecords, stored};
use serde::Serialize;
use serde_json::Value;
use settings::Reader;
use time::OffsetDateTime;
use worker_process::read_handed_over;

use crate::OperationError;
use crate::config::mask;
use crate::person::{MASK, is_masked};

/// What a read of one record showed. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct SourceTest {
    /// The source's name.
    pub source: String,
    /// The code that reads it.
    pub connector: &'static str,
    /// The ID that was asked for.
    pub id: String,
    /// What was sent and answered, in order. Secrets are masked.
    pub exchanges: Vec<Exchanged>,
    /// What the source says of the record, or why that is not known.
    pub answer: Answer,
    /// What would change. `None`: no database was given, or the answer is no reading of the record.
    pub preview: Option<ReadingPreview>,
}

/// What a source says of a record. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Answer {
    /// The record is there.
    Found(Box<FoundRecord>),
    /// It was deleted, or merged: the answer proves it.
    Gone {
        /// The record of the same source that it was merged into.
        merged_into: Option<String>,
    },
    /// The source does not find it. That is a deletion only if other records are found.
    NotFound,
    /// The answer lacks it: removed for good, or hidden from our user.
    NotVisible,
    /// There was no usable answer.
    Failed {
        /// What was wrong with it, without its content.
        why: String,
    },
}

/// The record, as a worker would read it. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct FoundRecord {
    /// When the source last changed it. `None`: the order of the readings decides.
    #[serde(with = "time::serde::rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// The source's entity tag.
    pub etag: Option<String>,
    /// Our key at the source.
    pub external_key: Option<String>,
    /// What the record says about each field.
    pub fields: Vec<TestedField>,
    /// The source's names of further values that are there and cannot be read.
    pub unread: Vec<String>,
}

/// What a record says about one field. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct TestedField {
    /// The field.
    pub field: String,
    /// Where the file says that the value is. `None`: the connector knows.
    pub path: Option<String>,
    /// Who may see it. `None`: the file defines no such field, and the value is only stored.
    pub class: Option<Class>,
    /// What was found there.
    pub found: Found,
    /// The value. Masked if its class is sensitive or not known.
    pub value: Option<Value>,
}

/// What a path found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// A value that fits the field.
    Value,
    /// Nothing, or null.
    Nothing,
    /// A value that does not fit the field's type. It counts as missing.
    DoesNotFit,
    /// Something that is no single value, such as an object or a list of several. It counts as missing.
    Unreadable,
}

/// Reads one record of `source`, and compares it with what `store` has. `reveal`: also values of sensitive fields.
///
/// # Errors
/// [`OperationError::Settings`] for a missing secret, [`OperationError::Store`]. A failed read is an answer.
pub async fn test(
    config: &Config,
    source: &SourceConfig,
    id: &str,
    reader: &Reader,
    store: Option<(&Store, Announce)>,
    reveal: bool,
) -> Result<SourceTest, OperationError> {
    let recorder = Recorder::default();
    let connected = source.connect_recording(reader, recorder.clone())?;
    if let Some((store, _)) = store {
        read_handed_over(&connected, store);
    }
    let ticket = match store {
        Some((store, _)) => store.draw_refetch_tickets(&source.name, &[id.to_owned()]).await?.pop(),
        None => None,
    };
    // As a worker reads it.
    let fetched = SourceRecords::new(connected).fetch(id, None).await;
    let reading = |announce, ticket| reading_of(id, fetched.as_ref().ok()?, ticket, announce);
    let preview = match (store, ticket) {
        (Some((store, announce)), Some(ticket)) => match reading(announce, ticket.number) {
            Some(reading) => {
                let of = Source { name: &source.name, role: source.role };
                let mut preview = store.preview_person_reading(config.policy(), of, &reading).await?;
                preview.changes.iter_mut().for_each(|change| mask(config.policy(), change, reveal));
                Some(preview)
            }
            None => None,
        },
        _ => None,
    };
    let answer = match fetched {
        Ok(Fetched::Found(record)) => {
            Answer::Found(Box::new(FoundRecord::new(config.policy(), source, *record, reveal)))
        }
        Ok(Fetched::Gone { merged_into }) => Answer::Gone { merged_into },
        Ok(Fetched::NotFound) => Answer::NotFound,
        Ok(Fetched::NotVisible) => Answer::NotVisible,
        Ok(Fetched::NotModified) => {
            Answer::Failed { why: String::from("it answers 'not modified', which was not asked for") }
        }
        Err(error) => Answer::Failed { why: error.to_string() },
    };
    Ok(SourceTest {
        source: source.name.clone(),
        connector: source.connector.name,
        id: id.to_owned(),
        exchanges: recorder.exchanges(),
        answer,
        preview,
    })
}

/// `None`: the answer alone does not say what a worker would write.
fn reading_of(id: &str, fetched: &Fetched, ticket: i64, announce: Announce) -> Option<PersonReading> {
    let absent = |merged_into: &Option<String>| PersonReading {
        external_id: id.to_owned(),
        state: RecordState::Gone { merged_into: merged_into.clone(), proved: true },
        version_at: None,
        etag: None,
        ticket,
        announce,
        announces: None,
    };
    match fetched {
        Fetched::Found(record) => Some(PersonReading {
            external_id: record.id.clone(),
            state: stored(record),
            version_at: record.version_at,
            etag: record.etag.clone(),
            ticket,
            announce,
            announces: None,
        }),
        Fetched::Gone { merged_into } => Some(absent(merged_into)),
        Fetched::NotFound | Fetched::NotVisible | Fetched::NotModified => None,
    }
}

impl FoundRecord {
    fn new(policy: &Policy, source: &SourceConfig, record: Record, reveal: bool) -> Self {
        let fields = record.assertions.iter().map(|(name, value)| {
            let field = name.parse::<Field>().ok();
            let definition = field.as_ref().and_then(|field| policy.definition(field));
            let is_unread = record.unread.iter().any(|unread| unread == name);
            let found = match (value, definition) {
                _ if is_unread => Found::Unreadable,
                (Value::Null, _) => Found::Nothing,
                (value, Some(definition)) if definition.usable(value).is_none() => Found::DoesNotFit,
                _ => Found::Value,
            };
            let masked = field.as_ref().is_none_or(|field| is_masked(policy, field, reveal));
            let value = (!value.is_null()).then(|| if masked { Value::from(MASK) } else { value.clone() });
            TestedField {
                path: field.as_ref().and_then(|field| source.path_of(field)),
                field: name.clone(),
                class: definition.map(|definition| definition.class),
                found,
                value,
            }
        });
        let fields: Vec<TestedField> = fields.collect();
        let unread = record.unread.iter().filter(|unread| !record.assertions.contains_key(unread.as_ref()));
        let unread = unread.map(ToString::to_string).collect();
        let etag = source.mapping().known_etag(record.etag.as_deref()).map(str::to_owned);
        Self { version_at: record.version_at, etag, external_key: record.external_key, fields, unread }
    }
}
