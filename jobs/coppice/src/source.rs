//! `source test`, `source init`: the reports as text.

use std::fmt;

use authority::Class;
use config::{CONFIG, Config};
use job_process::{JobError, announce, instant, print, value};
use operations::draft::{self, Draft};
use operations::source::{self, Answer, Found, FoundRecord, SourceTest, TestedField};
use postgres_store::ReadingPreview;
use settings::Reader;
use worker_process::DATABASE_URL;

use crate::arguments::SourceCommand;
use crate::environment::open;
use crate::environment::read_text;
use crate::failure::job_error;
use crate::printed::{Printed, write_fields};

pub(crate) async fn run(command: SourceCommand, json: bool) -> Result<(), JobError> {
    match command {
        SourceCommand::Test { name, id, reveal } => test(&name, &id, reveal, json).await,
        SourceCommand::Init { name, openapi, schema } => {
            let text = read_text(&openapi)?;
            let draft = draft::draft(&text, &schema, &name);
            let draft = draft.map_err(|error| JobError::Usage(format!("{}: {error}", openapi.display())))?;
            print(&Printed(draft), json)
        }
    }
}

async fn test(name: &str, id: &str, reveal: bool, json: bool) -> Result<(), JobError> {
    let reader = Reader::from_environment();
    let config: Config = reader.read(CONFIG)?;
    let Some(source) = config.source(name) else {
        let known: Vec<&str> = config.sources().map(|source| source.name.as_str()).collect();
        return Err(JobError::Usage(format!(
            "no source {name:?} in coppice.toml; it has {}",
            known.join(", ")
        )));
    };
    let store = match reader.variable(DATABASE_URL.name) {
        Some(_) => Some(open(&reader.load()?).await?),
        None => None,
    };
    let compared = match &store {
        Some(store) => Some((store, announce()?)),
        None => None,
    };
    let report = source::test(&config, source, id, &reader, compared, reveal).await.map_err(job_error)?;
    let failed = matches!(report.answer, Answer::Failed { .. });
    print(&Printed(report), json)?;
    // The report says why already.
    if failed { Err(JobError::Failed(String::new())) } else { Ok(()) }
}

impl fmt::Display for Printed<Draft> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.toml)
    }
}

impl fmt::Display for Printed<SourceTest> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceTest { source, connector, id, exchanges, answer, preview } = &self.0;
        writeln!(f, "source {source}, connector {connector}, record {id}")?;
        for exchange in exchanges {
            writeln!(f, "\n{} {}", exchange.method, exchange.url)?;
            for (name, value) in &exchange.headers {
                writeln!(f, "  {name}: {value}")?;
            }
            let status = exchange.status.map_or(String::from("no reply"), |status| status.to_string());
            writeln!(f, "  -> {status} {}", exchange.content_type.as_deref().unwrap_or_default())?;
        }
        writeln!(f)?;
        match answer {
            Answer::Found(record) => write_record(f, record)?,
            Answer::Gone { merged_into: None } => writeln!(f, "the record was deleted")?,
            Answer::Gone { merged_into: Some(other) } => writeln!(f, "the record was merged into {other}")?,
            Answer::NotFound => writeln!(
                f,
                "the source does not find the record. A worker stores it as gone if the source finds other records, \
                 and otherwise as missing"
            )?,
            Answer::NotVisible => writeln!(
                f,
                "the answer lacks the record: it was removed for good, or our user may not see it. A worker stores \
                 it as missing"
            )?,
            Answer::Failed { why } => writeln!(f, "no usable answer: {why}")?,
        }
        match preview {
            Some(preview) => write_preview(f, preview),
            None if matches!(answer, Answer::Found(_) | Answer::Gone { .. }) => {
                writeln!(f, "\nset {} to see what would change", DATABASE_URL.name)
            }
            None => Ok(()),
        }
    }
}

fn write_record(f: &mut fmt::Formatter<'_>, record: &FoundRecord) -> fmt::Result {
    let FoundRecord { version_at, etag, external_key, fields, unread } = record;
    let version = version_at.map_or(String::from("none: the order of the readings decides"), instant);
    writeln!(f, "version {version}")?;
    writeln!(f, "entity tag {}", etag.as_deref().unwrap_or("none"))?;
    writeln!(f, "our key there {}", external_key.as_deref().unwrap_or("none"))?;
    let rows: Vec<[String; 4]> = fields.iter().map(row).collect();
    let widths =
        [0, 1, 2].map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    writeln!(f)?;
    for [field, class, path, found] in &rows {
        let [one, two, three] = widths;
        writeln!(f, "  {field:one$}  {class:two$}  {path:three$}  {found}")?;
    }
    for name in unread {
        writeln!(f, "  {name} cannot be read, and counts as missing")?;
    }
    Ok(())
}

/// Field, class, path, and what was found.
fn row(field: &TestedField) -> [String; 4] {
    let class = field.class.map_or("no field of the file", Class::as_str);
    let path = field.path.as_deref().unwrap_or("the connector's own");
    let shown = || field.value.as_ref().map(value).unwrap_or_default();
    let found = match field.found {
        Found::Value => shown(),
        Found::Nothing => String::from("nothing there"),
        Found::DoesNotFit => format!("{} does not fit the field, and counts as missing", shown()),
        Found::Unreadable => String::from("there, but no single value: it counts as missing"),
    };
    [field.field.clone(), class.to_owned(), path.to_owned(), found]
}

fn write_preview(f: &mut fmt::Formatter<'_>, preview: &ReadingPreview) -> fmt::Result {
    let ReadingPreview { record_changes, has_now, would_have, creates_person, changes } = preview;
    writeln!(f)?;
    if !record_changes {
        writeln!(f, "the stored record would not change")?;
    }
    match (has_now, would_have) {
        (None, Some(person)) => writeln!(f, "the record would be linked to person {person}")?,
        (Some(now), Some(then)) if now != then => {
            writeln!(f, "the record would move from person {now} to person {then}")?;
        }
        (Some(now), _) => writeln!(f, "the record belongs to person {now}")?,
        (None, None) if *creates_person => writeln!(f, "a person would be created")?,
        (None, None) => writeln!(f, "no person has the record")?,
    }
    for change in changes {
        if !*creates_person {
            writeln!(f, "person {} would change", change.person_id)?;
        }
        write_fields(f, "  ", &change.fields)?;
    }
    if changes.is_empty() {
        writeln!(f, "no person would change")?;
    }
    f.write_str("nothing was written")
}
