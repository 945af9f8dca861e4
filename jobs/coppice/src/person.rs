//! `person show`, `person why`.

use std::fmt;

use authority::{Field, RuleTrace, SourceRecord, Standing, explain};
use job_process::{JobError, instant, print, value};
use postgres_store::{NamedIdentity, PersonKey, PersonView, TakenDecision};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::arguments::PersonCommand;
use crate::database::{CONNECTIONS, database};

pub(crate) async fn run(command: PersonCommand, json: bool) -> Result<(), JobError> {
    let database = database()?;
    let store = database.open(CONNECTIONS).await?;
    let key = match &command {
        PersonCommand::Show { id } | PersonCommand::Why { id, .. } => id,
    };
    let view = store.view_person(key).await?.ok_or_else(|| not_found(key))?;
    match command {
        PersonCommand::Show { .. } => print(&Shown::new(view), json),
        PersonCommand::Why { field, .. } => {
            let rules = explain(&database.policy, &view.records, field);
            let stored = view.person.values.get(&field).cloned();
            print(&Explained { person_id: view.person.person_id, field, stored, rules }, json)
        }
    }
}

fn not_found(key: &PersonKey) -> JobError {
    JobError::NotFound(match key {
        PersonKey::Id(id) => format!("no person {id}"),
        PersonKey::Record { source, external_id } => {
            format!("no record {external_id:?} of {source:?} belongs to anybody")
        }
    })
}

/// A person, as it is shown.
#[derive(Serialize)]
struct Shown {
    person_id: Uuid,
    /// Those that were asked for and followed to this one.
    merged: Vec<Uuid>,
    status: String,
    revision: i64,
    email_verified: bool,
    updated_at: String,
    fields: Vec<ShownField>,
    records: Vec<ShownRecord>,
    identities: Vec<NamedIdentity>,
    decisions: Vec<TakenDecision>,
}

#[derive(Serialize)]
struct ShownField {
    field: Field,
    value: Option<Value>,
    source: Option<String>,
    external_id: Option<String>,
    version_at: Option<String>,
    changed_at: Option<String>,
    rule: Option<String>,
    /// What the other records say.
    others: Vec<Assertion>,
}

#[derive(Serialize)]
struct Assertion {
    source: String,
    external_id: String,
    version_at: Option<String>,
    value: Value,
}

#[derive(Serialize)]
struct ShownRecord {
    source: String,
    role: authority::Role,
    external_id: String,
    version_at: Option<String>,
    /// When it last changed here.
    changed_at: String,
    gone: bool,
}

impl Shown {
    fn new(view: PersonView) -> Self {
        let fields = Field::ALL.into_iter().filter_map(|field| shown_field(&view, field)).collect();
        let records = view.records.into_iter().zip(view.changed_at).map(|(record, changed_at)| ShownRecord {
            version_at: record.version_at.map(instant),
            changed_at: instant(changed_at),
            gone: record.record.is_none(),
            source: record.source,
            role: record.role,
            external_id: record.external_id,
        });
        Self {
            person_id: view.person.person_id,
            merged: view.merged,
            status: view.person.status,
            revision: view.person.revision,
            email_verified: view.person.email_verified,
            updated_at: instant(view.person.updated_at),
            fields,
            records: records.collect(),
            identities: view.identities,
            decisions: view.decisions,
        }
    }
}

fn shown_field(view: &PersonView, field: Field) -> Option<ShownField> {
    let why = &view.person.provenance[field.as_str()];
    let text = |key: &str| why[key].as_str().map(str::to_owned);
    let (source, external_id) = (text("source"), text("external_id"));
    let is_its = |record: &SourceRecord| {
        source.as_ref() == Some(&record.source) && external_id.as_ref() == Some(&record.external_id)
    };
    let its = view.records.iter().zip(&view.changed_at).find(|(record, _)| is_its(record));
    let version_at = its.and_then(|(record, _)| record.version_at);
    let others = view.records.iter().filter(|record| !is_its(record)).filter_map(|record| {
        Some(Assertion {
            value: record.assertion(field)?.clone(),
            source: record.source.clone(),
            external_id: record.external_id.clone(),
            version_at: record.version_at.map(instant),
        })
    });
    let others: Vec<Assertion> = others.collect();
    let stored = view.person.values.get(&field).cloned();
    (stored.is_some() || !others.is_empty()).then(|| ShownField {
        field,
        value: stored,
        version_at: version_at.map(instant),
        changed_at: its.map(|(_, changed_at)| instant(*changed_at)),
        rule: text("rule"),
        source,
        external_id,
        others,
    })
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for merged in &self.merged {
            writeln!(f, "person {merged} was merged into the one below")?;
        }
        writeln!(f, "person {}", self.person_id)?;
        writeln!(f, "{}, revision {}, changed {}", self.status, self.revision, self.updated_at)?;
        writeln!(f, "\nfields")?;
        for field in &self.fields {
            writeln!(f, "  {field}")?;
            for other in &field.others {
                let version = version(other.version_at.as_deref());
                let (source, id) = (&other.source, &other.external_id);
                writeln!(f, "    {source}:{id} {version} says: {}", value(&other.value))?;
            }
            if field.field == Field::Email {
                let word = if self.email_verified { "verified" } else { "not verified" };
                writeln!(f, "    {word}")?;
            }
        }
        writeln!(f, "\nrecords")?;
        for record in &self.records {
            let ShownRecord { source, role, external_id, version_at, changed_at, gone } = record;
            let gone = if *gone { ", gone" } else { "" };
            let version = version(version_at.as_deref());
            writeln!(f, "  {source}:{external_id} ({role}) {version}, changed here {changed_at}{gone}")?;
        }
        writeln!(f, "\nidentities")?;
        for identity in &self.identities {
            let NamedIdentity { source, external_id, provider, subject, .. } = identity;
            writeln!(f, "  {provider}|{subject}, named by {source}:{external_id}")?;
        }
        writeln!(f, "\ndecisions")?;
        for decision in &self.decisions {
            let TakenDecision { source, external_id, to_person_id, reason, author, .. } = decision;
            let from = decision.from_person_id.map_or(String::from("nobody"), |from| from.to_string());
            let at = instant(decision.decided_at);
            write!(f, "  {at} {source}:{external_id} {from} -> {to_person_id}, {reason}, by {author}")?;
            match &decision.note {
                Some(note) => writeln!(f, ": {}", value(&Value::from(note.as_str())))?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for ShownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.value, &self.source, &self.external_id, &self.rule) {
            (Some(believed), Some(source), Some(id), Some(rule)) => {
                let version = version(self.version_at.as_deref());
                write!(f, "{}: {}, from {source}:{id} {version} by {rule:?}", self.field, value(believed))
            }
            (Some(believed), ..) => write!(f, "{}: {}", self.field, value(believed)),
            (None, ..) => write!(f, "{}: nobody is believed", self.field),
        }
    }
}

/// Why a field is as it is.
#[derive(Serialize)]
struct Explained {
    person_id: Uuid,
    field: Field,
    /// What the person's row says.
    stored: Option<Value>,
    rules: Vec<RuleTrace>,
}

impl Explained {
    fn won(&self) -> Option<&Value> {
        let tried = self.rules.iter().flat_map(|rule| &rule.tried);
        tried.filter(|tried| tried.standing == Standing::Won).find_map(|tried| tried.value.as_ref())
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of person {}", self.field, self.person_id)?;
        for (number, rule) in (1..).zip(&self.rules) {
            writeln!(f, "\n{number}. {}", rule.rule)?;
            for tried in &rule.tried {
                let version = version(tried.version_at.map(instant).as_deref());
                write!(f, "   {}:{} {version}: {}", tried.source, tried.external_id, phrase(tried.standing))?;
                match (&tried.value, tried.standing) {
                    (
                        Some(said),
                        Standing::Won | Standing::Older | Standing::Late | Standing::NotVerified,
                    ) => {
                        writeln!(f, " ({})", value(said))?;
                    }
                    _ => writeln!(f)?,
                }
            }
        }
        if self.rules.is_empty() {
            writeln!(f, "\nthe policy believes nobody about it")?;
        }
        let text = |one: Option<&Value>| one.map_or(String::from("nothing"), value);
        writeln!(f, "\nthe policy says: {}", text(self.won()))?;
        if self.won() != self.stored.as_ref() {
            let stored = text(self.stored.as_ref());
            writeln!(
                f,
                "the row says:    {stored} (computed by another policy: see `coppice policy apply`)"
            )?;
        }
        Ok(())
    }
}

const fn phrase(standing: Standing) -> &'static str {
    match standing {
        Standing::Won => "won",
        Standing::Older => "admitted, but another record is newer",
        Standing::Late => "admitted, but a rule above has won",
        Standing::NotNamed => "the rule is about other sources",
        Standing::Gone => "gone at its source",
        Standing::Silent => "says nothing",
        Standing::Echo => "says what we have told it",
        Standing::Never => "never believed about this field",
        Standing::NotVerified => "not verified",
    }
}

/// A record's version for people.
fn version(at: Option<&str>) -> String {
    at.map_or(String::from("(no version)"), |at| format!("of {at}"))
}
