//! Versions of `coppice.toml`: what a file would change, its application to every person, the history. Every person is computed
//! from the stored records; no source is called. Every unit goes on by a version from the moment that it is stored.

use std::collections::{BTreeMap, BTreeSet};

use authority::{Field, Policy};
use config::{Config, SourceConfig};
use postgres_store::{
    Announce, Author, ConfigFile, ConfigVersion, DeclaredSource, FieldChange, PersonChange, Store, Write,
};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::OperationError;
use crate::person::{MASK, is_masked};

/// What a policy would change. The sample holds personal data: no `Debug`.
#[derive(Clone, Serialize, Default)]
pub struct ConfigPreview {
    /// Persons that were computed.
    pub persons: usize,
    /// Persons whose row would change. A change of only where a value comes from counts, too.
    pub would_change: usize,
    /// How many persons would have another value, by field.
    pub by_field: BTreeMap<Field, usize>,
    /// Some of the persons with another value.
    pub sample: Vec<PersonChange>,
    /// Sources that the file adds or lacks.
    pub sources: Vec<SourceChange>,
    /// Records that were read by another `map` than the file's, by source. A resync has to read them again.
    pub to_reread: BTreeMap<String, i64>,
    /// Always `false`: the JSON says so.
    pub written: bool,
}

/// A source that a file adds or lacks, and what the database has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceChange {
    /// Its name.
    pub source: String,
    /// What happens to it.
    pub change: Change,
    /// Records that are there, as last read.
    pub records: i64,
    /// Persons who have some of them.
    pub persons: i64,
}

/// What happens to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The newest version lacks it.
    Added,
    /// The file lacks it. Its records, links and values stay as they were last read, and no unit reads them again.
    Removed,
    /// It has another role or connector. Its records keep the role that they were read with until they are read again.
    Other,
}

/// How a file is applied.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a> {
    /// The file.
    pub file: &'a ConfigFile,
    /// Who applies it.
    pub author: &'a Author,
    /// The version whose file this is again.
    pub rolled_back_to: Option<i64>,
    /// Persons in one transaction.
    pub batch: u32,
    /// Begin with the first person, although all were computed by this version.
    pub again: bool,
    /// How changed persons are announced.
    pub announce: Announce,
}

/// What applying a file did.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigApplied {
    /// The version.
    pub version: i64,
    /// Persons that were computed by this run.
    pub persons: usize,
    /// Persons whose row changed.
    pub changed: usize,
    /// Transactions.
    pub batches: usize,
    /// Who applied it.
    pub author: String,
    /// The cause that the announcements name.
    pub cause: Uuid,
    /// Always `true`: the JSON says so.
    pub written: bool,
}

/// A version, for a list.
#[derive(Debug, Clone, Serialize)]
pub struct VersionReport {
    /// Rises by one with each.
    pub version: i64,
    /// The first bytes of the file's SHA-256.
    pub hash: String,
    /// Who applied it.
    pub author: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub applied_at: OffsetDateTime,
    /// The version whose file this is again.
    pub rolled_back_to: Option<i64>,
    /// When all persons had been computed by it. `None`: a run is under way, or was interrupted: apply the file again.
    #[serde(with = "time::serde::rfc3339::option")]
    pub computed_at: Option<OffsetDateTime>,
}

/// The part of a file that becomes a version.
pub fn file_of(config: &Config) -> ConfigFile {
    let declared = |source: &SourceConfig| DeclaredSource {
        role: source.role,
        connector: source.connector.name.to_owned(),
    };
    let sources = config.sources().map(|source| (source.name.clone(), declared(source))).collect();
    ConfigFile { policy: config.policy_text().to_owned(), sources }
}

/// What marks the records that were read by the `map` of each source.
pub fn marks_of(config: &Config) -> BTreeMap<String, String> {
    config.sources().map(|source| (source.name.clone(), source.mapping().mark().to_owned())).collect()
}

/// The newest versions, at most `limit`.
pub async fn history(store: &Store, limit: u32) -> Result<Vec<VersionReport>, OperationError> {
    let versions = store.config_versions(limit).await?;
    let report = |version: ConfigVersion| VersionReport {
        version: version.version,
        hash: version.hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect(),
        author: version.author,
        applied_at: version.applied_at,
        rolled_back_to: version.rolled_back_to,
        computed_at: version.computed_at,
    };
    Ok(versions.into_iter().map(report).collect())
}

/// The version of this number. Without one: the newest.
///
/// # Errors
/// [`OperationError::NoVersion`].
pub async fn version(store: &Store, number: Option<i64>) -> Result<ConfigVersion, OperationError> {
    let found = match number {
        Some(number) => store.config_version(number).await?,
        None => store.active_config().await?,
    };
    found.ok_or(OperationError::NoVersion { number })
}

/// How the sources of a file differ from those of the newest version, and what the database has of these.
pub async fn source_changes(store: &Store, file: &ConfigFile) -> Result<Vec<SourceChange>, OperationError> {
    let before = store.active_config().await?.map(|version| version.file.sources).unwrap_or_default();
    let counts = store.records_by_source().await?;
    let names: BTreeSet<&String> = before.keys().chain(file.sources.keys()).chain(counts.keys()).collect();
    let change = |name: &String| match (before.get(name), file.sources.get(name)) {
        (Some(before), Some(after)) if before == after => None,
        (Some(_), Some(_)) => Some(Change::Other),
        (None, Some(_)) => Some(Change::Added),
        (_, None) => Some(Change::Removed),
    };
    let changes = names.into_iter().filter_map(|name| {
        let change = change(name)?;
        let (records, persons) = counts.get(name).copied().unwrap_or_default();
        Some(SourceChange { source: name.clone(), change, records, persons })
    });
    Ok(changes.collect())
}

/// Counts what the file would change, reading `batch` persons at once. At most `sample` are examples. `reveal`: their sensitive
/// values are shown, too. `marks` are those of the file's mappings, as [`marks_of`] has them; a stored version has none.
pub async fn preview(
    store: &Store,
    file: &ConfigFile,
    marks: &BTreeMap<String, String>,
    batch: u32,
    sample: usize,
    reveal: bool,
) -> Result<ConfigPreview, OperationError> {
    let policy = file.policy()?;
    let mut preview = ConfigPreview {
        sources: source_changes(store, file).await?,
        to_reread: store.records_read_otherwise(marks).await?,
        ..ConfigPreview::default()
    };
    let mut after = None;
    loop {
        let next = store.preview_policy(&policy, after, batch).await?;
        preview.persons += next.looked_at;
        preview.would_change += next.changes.len();
        for mut change in next.changes {
            for FieldChange { field, .. } in &change.fields {
                *preview.by_field.entry(field.clone()).or_default() += 1;
            }
            mask(&policy, &mut change, reveal);
            if preview.sample.len() < sample && !change.fields.is_empty() {
                preview.sample.push(change);
            }
        }
        match next.last {
            Some(last) => after = Some(last),
            None => return Ok(preview),
        }
    }
}

/// Makes the file the newest version, unless it is that, and computes every person by it. Announces those that change. A run that
/// was interrupted resumes where it ended.
///
/// # Errors
/// [`OperationError::ConfigInterrupted`] with what was done; [`StoreError`](postgres_store::StoreError) before that.
pub async fn apply(
    store: &Store,
    application: Application<'_>,
    proof: &Write,
) -> Result<ConfigApplied, OperationError> {
    let Application { file, author, rolled_back_to, batch, again, announce } = application;
    let policy = file.policy()?;
    let before = store.active_config().await?.map(|version| version.file.policy()).transpose()?;
    // The first of all, because it takes the owner of the schema. The view is for readers that are not ours.
    let columns = |policy: &Policy| {
        policy.fields().map(|(field, definition)| (field.clone(), definition.kind)).collect::<Vec<_>>()
    };
    if columns(&before.unwrap_or_default()) != columns(&policy) {
        store.create_person_profile(policy.fields()).await?;
    }
    let version = store.begin_config(file, author, rolled_back_to, proof).await?.version;
    if again {
        store.restart_config(version, proof).await?;
    }
    let (mut persons, mut changed, mut batches) = (0, 0, 0);
    loop {
        let done = store.compute_config_batch(version, batch, announce, proof).await;
        let done = done.map_err(|error| OperationError::ConfigInterrupted { persons, changed, error })?;
        if done.last.is_none() {
            let (author, cause) = (author.to_string(), announce.cause);
            return Ok(ConfigApplied { version, persons, changed, batches, author, cause, written: true });
        }
        persons += done.computed;
        changed += done.changed;
        batches += 1;
    }
}

/// Masks the values that are not shown.
pub(crate) fn mask(policy: &Policy, change: &mut PersonChange, reveal: bool) {
    for FieldChange { field, now, then, .. } in &mut change.fields {
        if is_masked(policy, field, reveal) {
            now.iter_mut().chain(then).for_each(|value| *value = Value::from(MASK));
        }
    }
}
