//! The settings of the database, of each source, and of the queues: what the arguments need, and nothing else.

use std::collections::BTreeMap;
use std::str::FromStr;

use config::{CONFIG, Config, SourceConfig};
use connectors::Source;
use job_process::{Database, JobError};
use settings::{Reader, all, both};
use worker_process::LOG;

settings::declare! {
    /// All settings, for `--help`, and those that every run reads.
    pub(crate) struct AuditSettings;

    database: Database = load;
    config: Config = use CONFIG;
    list use LOG;
    QUEUES: Queues = "COPPICE_QUEUE_URLS" [required]
        "URLs of the queues for divergent records, by branch, for --repair without --queue-url: {\"sso-resync-staff\": \"https://…\"}";
}

pub(crate) struct Settings {
    pub(crate) database: Database,
    pub(crate) sources: Vec<Source>,
    /// The queue for each source's divergent records. Empty without `--repair`.
    pub(crate) queues: BTreeMap<String, String>,
}

impl Settings {
    /// `queue_url` replaces the queue of the settings. Without `names`: all sources.
    pub(crate) fn read(names: &[String], repair: bool, queue_url: Option<&String>) -> Result<Self, JobError> {
        let reader = Reader::from_environment();
        let own = if repair && queue_url.is_none() { reader.read(QUEUES).map(Some) } else { Ok(None) };
        let (AuditSettings { database, config }, own_queues) = both(reader.load(), own)?;
        let known: Vec<&str> = config.sources().map(|source| source.name.as_str()).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(JobError::Usage(format!(
                "coppice.toml has no source {unknown:?}; its sources are {known}"
            )));
        }
        let wanted = |source: &&SourceConfig| names.is_empty() || names.contains(&source.name);
        let wanted: Vec<&SourceConfig> = config.sources().filter(wanted).collect();
        if queue_url.is_some() && wanted.len() > 1 {
            return Err(JobError::Usage(String::from(
                "--queue-url is the queue of one source: name one --source",
            )));
        }
        let queues = match (queue_url, own_queues) {
            (Some(url), _) => wanted.iter().map(|source| (source.name.clone(), url.clone())).collect(),
            (None, Some(own)) => queues_of(&config, &wanted, &own)?,
            (None, None) => BTreeMap::new(),
        };
        let sources = all(wanted.iter().map(|source| source.connect(&reader)))?;
        Ok(Self { database, sources, queues })
    }
}

/// The queue that audit fills for each source: that of the branch whose unit says that audit feeds it.
fn queues_of(
    file: &Config,
    wanted: &[&SourceConfig],
    queues: &Queues,
) -> Result<BTreeMap<String, String>, JobError> {
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for branch in topology::branches(file).iter().filter(|branch| branch.unit.fed_by.contains(&"audit")) {
        if !wanted.iter().any(|source| source.name == branch.source.name) {
            continue;
        }
        match queues.0.get(&branch.name()) {
            Some(url) => drop(found.insert(branch.source.name.clone(), url.clone())),
            None => missing.push(branch.name()),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(JobError::Usage(format!("COPPICE_QUEUE_URLS has no queue of {}", missing.join(", "))))
}

/// The value of `COPPICE_QUEUE_URLS`.
#[derive(Debug, Clone)]
struct Queues(BTreeMap<String, String>);

impl FromStr for Queues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|error| format!("not a JSON object of URLs: {error}"))
    }
}
