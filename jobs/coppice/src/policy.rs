//! `policy check`, `policy what-if`, `policy apply`: a policy file, and the reports as text.

use std::fmt;
use std::io;
use std::path::Path;

use authority::{Policy, PolicyError};
use job_process::{JobError, announce, print, value};
use operations::policy::{self, PolicyApplied, PolicyPreview};
use postgres_store::Write;
use serde::Serialize;

use crate::arguments::PolicyCommand;
use crate::environment::store;
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) async fn run(command: PolicyCommand, json: bool) -> Result<(), JobError> {
    match command {
        PolicyCommand::Check { file } => check(&file, json),
        PolicyCommand::WhatIf { file, sample, batch, reveal } => {
            let policy = usable(&file)?;
            let report = policy::preview(&store().await?, &policy, None, batch, sample, reveal).await;
            print(&Printed(report.map_err(job_error)?), json)
        }
        PolicyCommand::Apply { file, batch, after, author, yes } => {
            let policy = usable(&file)?;
            let store = store().await?;
            match Write::if_wanted(yes) {
                Some(proof) => {
                    let announce = announce()?;
                    let report = policy::apply(&store, policy, after, batch, author, announce, &proof).await;
                    print(&Printed(report.map_err(job_error)?), json)
                }
                None => {
                    let report = policy::preview(&store, &policy, after, batch, 0, false).await;
                    print(&Printed(report.map_err(job_error)?), json)
                }
            }
        }
    }
}

fn read(file: &Path) -> Result<Result<Policy, PolicyError>, JobError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| JobError::Usage(format!("{}: {}", file.display(), unreadable(&error))))?;
    Ok(Policy::parse(&text))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => String::from("the file does not exist"),
        kind => format!("cannot be read: {kind}"),
    }
}

fn usable(file: &Path) -> Result<Policy, JobError> {
    read(file)?.map_err(|error| JobError::Usage(error.to_string()))
}

fn check(file: &Path, json: bool) -> Result<(), JobError> {
    let faults = read(file)?.err().map_or_else(Vec::new, |error| error.faults);
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
            return f.write_str("the policy can be used");
        }
        writeln!(f, "{} fault(s):", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

impl fmt::Display for Printed<PolicyPreview> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyPreview { persons, would_change, by_field, sample, .. } = &self.0;
        writeln!(f, "{would_change} of {persons} persons would change; nothing was written")?;
        for (field, count) in by_field {
            writeln!(f, "  {field}: {count}")?;
        }
        if !sample.is_empty() {
            writeln!(f, "\nfor example")?;
        }
        for change in sample {
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

impl fmt::Display for Printed<PolicyApplied> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyApplied { persons, changed, batches, author, cause, .. } = &self.0;
        writeln!(f, "{changed} of {persons} persons changed, in {batches} batch(es)")?;
        if let Some(author) = author {
            writeln!(f, "applied by {author}")?;
        }
        writeln!(f, "announced with cause {cause}")
    }
}
