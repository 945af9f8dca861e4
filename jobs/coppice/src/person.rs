//! `person show`, `person why`: the reports as text.

use std::fmt;

use authority::{Class, Field, RuleTrace, Standing};
use job_process::{JobError, instant, print, value};
use operations::person::{self, AssertionReport, FieldExplanation, FieldReport, PersonReport, RecordReport};
use postgres_store::{NamedIdentity, TakenDecision};
use serde_json::Value;
use time::OffsetDateTime;

use crate::arguments::PersonCommand;
use crate::environment::store;
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) async fn run(command: PersonCommand, json: bool) -> Result<(), JobError> {
    let store = store().await?;
    match command {
        PersonCommand::Show { id, reveal } => {
            let report = person::show(&store, &id, reveal).await.map_err(job_error)?;
            print(&Printed(report), json)
        }
        PersonCommand::Why { field, id, reveal } => {
            let field = store.policy().field(&field).map_err(JobError::Usage)?.clone();
            let report = person::explain_field(&store, &id, field, reveal).await.map_err(job_error)?;
            print(&Printed(report), json)
        }
    }
}

impl fmt::Display for Printed<PersonReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let person = &self.0;
        for merged in &person.merged {
            writeln!(f, "person {merged} was merged into the one below")?;
        }
        writeln!(f, "person {}", person.person_id)?;
        let changed = instant(person.updated_at);
        writeln!(f, "{}, revision {}, changed {changed}", person.status, person.revision)?;
        writeln!(f, "\nfields")?;
        person.fields.iter().try_for_each(|field| write_field(f, field, person.email_verified))?;
        writeln!(f, "\nrecords")?;
        person.records.iter().try_for_each(|record| write_record(f, record))?;
        writeln!(f, "\nidentities")?;
        for identity in &person.identities {
            let NamedIdentity { source, external_id, provider, subject, .. } = identity;
            writeln!(f, "  {provider}|{subject}, from record {source}:{external_id}")?;
        }
        writeln!(f, "\ndecisions")?;
        person.decisions.iter().try_for_each(|decision| write_decision(f, decision))
    }
}

fn write_field(f: &mut fmt::Formatter<'_>, field: &FieldReport, email_verified: bool) -> fmt::Result {
    let verified = match (&field.field == Field::email(), email_verified) {
        (true, true) => " (verified)",
        (true, false) => " (not verified)",
        (false, _) => "",
    };
    write!(f, "  {}", field.field)?;
    match field.class {
        Some(Class::Personal) => {}
        Some(class) => write!(f, " ({})", class.as_str())?,
        None => write!(f, " (not in the policy)")?,
    }
    write!(f, ": ")?;
    match (&field.value, &field.source, &field.external_id, &field.rule) {
        (Some(stored), Some(source), Some(id), Some(rule)) => {
            let version = version(field.version_at);
            writeln!(f, "{}{verified}, from {source}:{id} {version} by {rule:?}", value(stored))?;
        }
        (Some(stored), ..) => writeln!(f, "{}{verified}", value(stored))?,
        (None, ..) if field.others.is_empty() => writeln!(f, "no source has a value")?,
        (None, ..) => writeln!(f, "no source wins")?,
    }
    for AssertionReport { source, external_id, version_at, value: asserted } in &field.others {
        writeln!(f, "    {source}:{external_id} {} says: {}", version(*version_at), value(asserted))?;
    }
    Ok(())
}

fn write_record(f: &mut fmt::Formatter<'_>, record: &RecordReport) -> fmt::Result {
    let RecordReport { source, role, external_id, version_at, changed_at, gone } = record;
    let gone = if *gone { ", gone" } else { "" };
    let (version, changed) = (version(*version_at), instant(*changed_at));
    writeln!(f, "  {source}:{external_id} ({role}) {version}, changed here {changed}{gone}")
}

fn write_decision(f: &mut fmt::Formatter<'_>, decision: &TakenDecision) -> fmt::Result {
    let TakenDecision { source, external_id, to_person_id, reason, author, .. } = decision;
    let from = decision.from_person_id.map_or(String::from("none"), |from| from.to_string());
    let at = instant(decision.decided_at);
    write!(f, "  {at} {source}:{external_id} {from} -> {to_person_id}, {reason}, by {author}")?;
    match &decision.note {
        Some(note) => writeln!(f, ": {}", value(&Value::from(note.as_str()))),
        None => writeln!(f),
    }
}

impl fmt::Display for Printed<FieldExplanation> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldExplanation { person_id, field, stored, computed, up_to_date, rules, .. } = &self.0;
        writeln!(f, "{field} of person {person_id}")?;
        for (number, rule) in (1..).zip(rules) {
            writeln!(f, "\n{number}. {}", rule.rule)?;
            write_tried(f, rule)?;
        }
        if rules.is_empty() {
            writeln!(f, "\nthe policy has no rule for this field")?;
        }
        let text = |one: Option<&Value>| one.map_or(String::from("nothing"), value);
        writeln!(f, "\nthe policy says: {}", text(computed.as_ref()))?;
        if !up_to_date {
            let stored = text(stored.as_ref());
            writeln!(
                f,
                "the row says:    {stored} (computed by an older version: see `coppice config history`)"
            )?;
        }
        Ok(())
    }
}

fn write_tried(f: &mut fmt::Formatter<'_>, rule: &RuleTrace) -> fmt::Result {
    for tried in &rule.tried {
        let version = version(tried.version_at);
        write!(f, "   {}:{} {version}: {}", tried.source, tried.external_id, phrase(tried.standing))?;
        match (&tried.value, tried.standing) {
            (
                Some(said),
                Standing::Won | Standing::Older | Standing::Late | Standing::NotVerified | Standing::Unusable,
            ) => {
                writeln!(f, " ({})", value(said))?;
            }
            _ => writeln!(f)?,
        }
    }
    Ok(())
}

const fn phrase(standing: Standing) -> &'static str {
    match standing {
        Standing::Won => "won",
        Standing::Older => "admitted, but another record is newer",
        Standing::Late => "admitted, but a rule above has won",
        Standing::NotNamed => "the rule is about other sources",
        Standing::Gone => "gone at its source",
        Standing::Silent => "says nothing",
        Standing::Unusable => "its value does not fit the type of the field, and counts as missing",
        Standing::Echo => "echo: returns the value that we pushed",
        Standing::Never => "never used for this field, by the policy",
        Standing::NotVerified => "not verified",
    }
}

fn version(at: Option<OffsetDateTime>) -> String {
    at.map_or(String::from("(no version)"), |at| format!("version {}", instant(at)))
}
