//! `config check | show | schema | diff | what-if | apply | history | rollback`: files, versions, and the reports as text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ::config::{CONFIG, Config, Fault};
use authority::DEFAULT_POLICY;
use job_process::{JobError, announce, instant, print};
use operations::config::{self, Application, Change, ConfigApplied, ConfigPreview, VersionReport};
use postgres_store::{ConfigFile, Store, Write};
use serde::Serialize;
use serde_json::Value;
use settings::Reader;

use crate::arguments::{ApplyArguments, ConfigCommand};
use crate::environment::{read_text, store};
use crate::failure::job_error;
use crate::former_settings;
use crate::printed::{Printed, write_fields};

pub(crate) async fn run(command: ConfigCommand, json: bool) -> Result<(), JobError> {
    match command {
        ConfigCommand::Check { file } => check(file.as_deref(), json),
        ConfigCommand::Schema => print(&Text(format!("{:#}", ::config::schema())), json),
        ConfigCommand::FromEnvironment => {
            print(&Text(former_settings::written(&Reader::from_environment())?), json)
        }
        ConfigCommand::Show { version, effective } => {
            let version = config::version(&store().await?, version).await.map_err(job_error)?;
            let text = if effective { effective_text(&version.file.policy)? } else { version.file.policy };
            let sources = toml::to_string(&BTreeMap::from([("sources", &version.file.sources)]));
            print(&Text(format!("{text}\n{}", sources.unwrap_or_default())), json)
        }
        ConfigCommand::Diff { before, after } => {
            let (before, after) = (named(&before).await?, named(&after).await?);
            print(&Differences::between(&before, &after)?, json)
        }
        ConfigCommand::WhatIf { file, sample, batch, reveal } => {
            let usable = usable(file.as_deref())?;
            let (file, marks) = (config::file_of(&usable), config::marks_of(&usable));
            let report = config::preview(&store().await?, &file, &marks, batch, sample, reveal).await;
            print(&Printed(report.map_err(job_error)?), json)
        }
        ConfigCommand::Apply { file, how } => {
            let usable = usable(file.as_deref())?;
            let (file, marks) = (config::file_of(&usable), config::marks_of(&usable));
            apply(&store().await?, (&file, &marks), &how, None, json).await
        }
        ConfigCommand::History { limit } => {
            let versions = config::history(&store().await?, limit).await.map_err(job_error)?;
            print(&Printed(versions), json)
        }
        ConfigCommand::Rollback { version, how } => {
            let store = store().await?;
            let wanted = config::version(&store, Some(version)).await.map_err(job_error)?;
            apply(&store, (&wanted.file, &BTreeMap::new()), &how, Some(version), json).await
        }
    }
}

async fn apply(
    store: &Store,
    (file, marks): (&ConfigFile, &BTreeMap<String, String>),
    how: &ApplyArguments,
    rolled_back_to: Option<i64>,
    json: bool,
) -> Result<(), JobError> {
    let Some(proof) = Write::if_wanted(how.yes) else {
        let report = config::preview(store, file, marks, how.batch, 0, false).await;
        return print(&Printed(report.map_err(job_error)?), json);
    };
    let Some(author) = &how.author else {
        return Err(JobError::Usage(String::from(
            "--author is missing: who applies it is stored with the version",
        )));
    };
    let (batch, again, announce) = (how.batch, how.again, announce()?);
    let application = Application { file, author, rolled_back_to, batch, again, announce };
    let done = config::apply(store, application, &proof).await;
    print(&Printed(done.map_err(job_error)?), json)
}

/// Without a path: that of `COPPICE_CONFIG`.
fn read(file: Option<&Path>) -> Result<Result<Config, Vec<Fault>>, JobError> {
    let Some(file) = file else {
        return Ok(Ok(Reader::from_environment().read(CONFIG)?));
    };
    let text = read_text(file)?;
    Ok(Config::parse(&text).map_err(|error| error.faults))
}

fn usable(file: Option<&Path>) -> Result<Config, JobError> {
    read(file)?.map_err(|faults| JobError::Usage(::config::ConfigError { faults }.to_string()))
}

/// A file by its path, or a version by its number.
async fn named(name: &str) -> Result<ConfigFile, JobError> {
    match name.parse() {
        Ok(number) => Ok(config::version(&store().await?, Some(number)).await.map_err(job_error)?.file),
        Err(_) => Ok(config::file_of(&usable(Some(Path::new(name)))?)),
    }
}

fn check(file: Option<&Path>, json: bool) -> Result<(), JobError> {
    let faults: Vec<String> = read(file)?.err().iter().flatten().map(Fault::to_string).collect();
    let sound = faults.is_empty();
    print(&Checked { faults }, json)?;
    // The report names the faults already.
    if sound { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

#[derive(Serialize)]
struct Checked {
    faults: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str("the file can be used");
        }
        writeln!(f, "{} fault(s):", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn table(text: &str) -> Result<toml::Table, JobError> {
    text.parse().map_err(|_| JobError::Failed(String::from("a stored version is no TOML")))
}

/// A file over the built-in fields and rules. A table of the file replaces the built-in one of the same name.
fn effective_text(own: &str) -> Result<String, JobError> {
    let (mut all, own) = (table(DEFAULT_POLICY)?, table(own)?);
    for (section, value) in own {
        match (all.get_mut(&section).and_then(toml::Value::as_table_mut), value) {
            (Some(known), toml::Value::Table(own)) if section == "fields" => known.extend(own),
            (_, value) => drop(all.insert(section, value)),
        }
    }
    Ok(toml::to_string(&all).unwrap_or_default())
}

/// What two files say differently, by the path of the value.
#[derive(Serialize)]
struct Differences(BTreeMap<String, [Option<Value>; 2]>);

impl Differences {
    fn between(before: &ConfigFile, after: &ConfigFile) -> Result<Self, JobError> {
        let leaves = |file: &ConfigFile| {
            let mut found = BTreeMap::new();
            let text = effective_text(&file.policy)?;
            leaves_of("", &serde_json::to_value(table(&text)?).unwrap_or_default(), &mut found);
            leaves_of("sources", &serde_json::to_value(&file.sources).unwrap_or_default(), &mut found);
            Ok::<_, JobError>(found)
        };
        let (mut before, after) = (leaves(before)?, leaves(after)?);
        let mut all = BTreeMap::new();
        for (path, value) in after {
            let old = before.remove(&path);
            if old.as_ref() != Some(&value) {
                all.insert(path, [old, Some(value)]);
            }
        }
        all.extend(before.into_iter().map(|(path, value)| (path, [Some(value), None])));
        Ok(Self(all))
    }
}

fn leaves_of(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value.as_object() {
        Some(table) => {
            for (key, value) in table {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves_of(&below, value, found);
            }
        }
        None => drop(found.insert(path.to_owned(), value.clone())),
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("both say the same");
        }
        let text = |value: &Option<Value>| value.as_ref().map_or(String::from("nothing"), Value::to_string);
        self.0.iter().try_for_each(|(path, [before, after])| {
            writeln!(f, "{path}: {} -> {}", text(before), text(after))
        })
    }
}

impl fmt::Display for Printed<Vec<VersionReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no version was applied");
        }
        for version in &self.0 {
            let VersionReport { version, hash, author, applied_at, rolled_back_to, computed_at } = version;
            write!(f, "{version}  {}  {hash}  by {author}", instant(*applied_at))?;
            if let Some(older) = rolled_back_to {
                write!(f, ", version {older} again")?;
            }
            match computed_at {
                Some(_) => writeln!(f)?,
                None => writeln!(f, ", not computed for all persons: apply it again")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Printed<ConfigPreview> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigPreview { persons, would_change, by_field, sample, sources, to_reread, .. } = &self.0;
        writeln!(f, "{would_change} of {persons} persons would change; nothing was written")?;
        for (field, count) in by_field {
            writeln!(f, "  {field}: {count}")?;
        }
        for one in sources {
            let meaning = match one.change {
                Change::Added => "is new",
                Change::Removed => {
                    "is no longer there. What was read of it stays: its values count by the rules of its role, and no unit reads \
                     them again. Empty its queues first; under another name, it would be another source"
                }
                Change::Other => {
                    "has another role or connector; its records keep their role until they are read again"
                }
            };
            writeln!(
                f,
                "source {} {meaning}: {} record(s) of {} person(s)",
                one.source, one.records, one.persons
            )?;
        }
        for (source, records) in to_reread {
            writeln!(
                f,
                "source {source}: {records} record(s) were read by another map. A resync of the kind listing reads them again"
            )?;
        }
        if !sample.is_empty() {
            writeln!(f, "\nfor example")?;
        }
        for change in sample {
            writeln!(f, "  person {}", change.person_id)?;
            write_fields(f, "    ", &change.fields)?;
        }
        Ok(())
    }
}

impl fmt::Display for Printed<ConfigApplied> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigApplied { version, persons, changed, batches, author, cause, .. } = &self.0;
        writeln!(f, "version {version}: {changed} of {persons} persons changed, in {batches} batch(es)")?;
        writeln!(f, "applied by {author}")?;
        writeln!(f, "announced with cause {cause}")
    }
}
