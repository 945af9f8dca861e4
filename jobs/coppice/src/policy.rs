//! `policy check`, `policy what-if`, `policy apply`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use authority::{Field, Policy};
use job_process::{JobError, announce, print, value};
use postgres_store::{Author, PersonChange, Store, Write};
use serde::Serialize;
use uuid::Uuid;

use crate::arguments::PolicyCommand;
use crate::database::{policy_file, store};

pub(crate) async fn run(command: PolicyCommand, json: bool) -> Result<(), JobError> {
    match command {
        PolicyCommand::Check { file } => check(&file, json),
        PolicyCommand::WhatIf { file, sample, batch } => {
            let policy = usable(&file)?;
            let store = store().await?;
            print(&preview(&store, &policy, None, batch, sample).await?, json)
        }
        PolicyCommand::Apply { file, batch, after, author, yes } => {
            let policy = usable(&file)?;
            let store = store().await?;
            match Write::if_wanted(yes) {
                Some(proof) => {
                    let store = store.with_policy(policy);
                    print(&apply(&store, after, batch, author, &proof).await?, json)
                }
                None => print(&preview(&store, &policy, after, batch, 0).await?, json),
            }
        }
    }
}

/// A policy file that other commands can use.
fn usable(file: &Path) -> Result<Policy, JobError> {
    policy_file(file)?.map_err(|error| JobError::Usage(error.to_string()))
}

#[derive(Serialize)]
struct Checked {
    faults: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str("the policy can be used");
        }
        writeln!(f, "{} fault(s):", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

fn check(file: &Path, json: bool) -> Result<(), JobError> {
    let faults = policy_file(file)?.err().map_or_else(Vec::new, |error| error.faults);
    let sound = faults.is_empty();
    print(&Checked { faults }, json)?;
    if sound { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

/// What a policy would change.
#[derive(Serialize, Default)]
struct Preview {
    persons: usize,
    /// Persons whose row would change, be it only in where a value comes from.
    would_change: usize,
    /// How many persons would have another value, by field.
    by_field: BTreeMap<Field, usize>,
    sample: Vec<PersonChange>,
    written: bool,
}

async fn preview(
    store: &Store,
    policy: &Policy,
    mut after: Option<Uuid>,
    batch: u32,
    sample: usize,
) -> Result<Preview, JobError> {
    let mut preview = Preview::default();
    loop {
        let next = store.preview_policy(policy, after, batch).await?;
        preview.persons += next.looked_at;
        preview.would_change += next.changes.len();
        for change in next.changes {
            for field in &change.fields {
                *preview.by_field.entry(field.field).or_default() += 1;
            }
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

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} persons would change; nothing was written", self.would_change, self.persons)?;
        for (field, count) in &self.by_field {
            writeln!(f, "  {field}: {count}")?;
        }
        if !self.sample.is_empty() {
            writeln!(f, "\nfor example")?;
        }
        for change in &self.sample {
            writeln!(f, "  person {}", change.person_id)?;
            for field in &change.fields {
                let text = |one: &Option<_>| one.as_ref().map_or(String::from("nothing"), value);
                write!(f, "    {}: {} -> {}", field.field, text(&field.now), text(&field.then))?;
                match (&field.source, &field.rule) {
                    (Some(source), Some(rule)) => writeln!(f, ", from {source} by {rule:?}")?,
                    _ => writeln!(f)?,
                }
            }
        }
        Ok(())
    }
}

/// What applying a policy did.
#[derive(Serialize)]
struct Applied {
    persons: usize,
    changed: usize,
    batches: usize,
    author: Option<Author>,
    /// The cause in the announcements.
    cause: Uuid,
    written: bool,
}

async fn apply(
    store: &Store,
    mut after: Option<Uuid>,
    batch: u32,
    author: Option<Author>,
    proof: &Write,
) -> Result<Applied, JobError> {
    let announce = announce()?;
    let mut applied =
        Applied { persons: 0, changed: 0, batches: 0, author, cause: announce.cause, written: true };
    loop {
        let done = store.apply_policy(after, batch, announce, proof).await.map_err(|error| {
            let go_on = after.map_or(String::new(), |last| format!(", or go on with --after {last}"));
            let Applied { persons, changed, .. } = applied;
            JobError::Failed(format!(
                "{error}\n{persons} persons were computed and {changed} changed before that: run it again{go_on}"
            ))
        })?;
        let Some(last) = done.last else { return Ok(applied) };
        after = Some(last);
        applied.persons += done.computed;
        applied.changed += done.changed;
        applied.batches += 1;
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} persons changed, in {} batch(es)", self.changed, self.persons, self.batches)?;
        if let Some(author) = &self.author {
            writeln!(f, "applied by {author}")?;
        }
        writeln!(f, "announced with cause {}", self.cause)
    }
}
