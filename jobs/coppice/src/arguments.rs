//! The command line.

use std::path::PathBuf;

use authority::Field;
use clap::{ArgGroup, Args, Parser, Subcommand};
use job_process::{Database, EXIT_CODES};
use postgres_store::{Author, PersonKey};
use settings::{Settings, describe};
use uuid::Uuid;
use worker_process::{BUS_NAME, LOG};

use crate::dlq::DlqCommand;
use crate::doctor::DoctorArguments;

/// Looks at persons and says why they are as they are, tries and applies policies, decides about
/// links, brings dead letters back, checks a unit's surroundings.
#[derive(Debug, Parser)]
#[command(version, after_help = after_help())]
pub(crate) struct Arguments {
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) topic: Topic,
}

/// `doctor` and `dlq show` read what a unit reads; the unit's own help says what that is.
fn after_help() -> String {
    let settings = describe(&[Database::ALL, &[BUS_NAME.help(), LOG.help()]].concat());
    format!(
        "{EXIT_CODES}\n\n{settings}\n\n`doctor --unit U` needs what U needs, and `dlq show` what it takes to ask the unit's \
         provider: see `U --help`"
    )
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    /// What is known of a person, and why.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Who is believed about what.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Which records belong to one person.
    #[command(subcommand)]
    Link(LinkArguments),
    /// What is dead, why, and what to do about it.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Whether a unit's surroundings are as it needs them, with the fix for each fault. Changes nothing.
    Doctor(DoctorArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Every field with the record it comes from and what the others say; records, identities, decisions.
    Show {
        /// Our ID of the person, or a record of theirs as `source:external_id`. Merged persons are followed.
        #[arg(value_parser = person_key)]
        id: PersonKey,
    },
    /// Every rule about a field, in order: which record it admits, or why not, and which one won.
    Why {
        /// Which field: email, phone, `given_name`, …
        field: Field,
        /// Our ID of the person, or a record of theirs as `source:external_id`.
        #[arg(value_parser = person_key)]
        id: PersonKey,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Lists every fault of a policy file. Needs no database.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Counts what a policy would change, with a sample. Writes nothing.
    WhatIf {
        /// The file.
        file: PathBuf,
        /// How many of the persons that would change are listed.
        #[arg(long, default_value_t = 10)]
        sample: usize,
        /// Persons that are read at once.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        batch: u32,
    },
    /// Computes every person anew by a policy, and announces those that change. Give the workers the file first.
    Apply {
        /// The file.
        file: PathBuf,
        /// Persons in one transaction.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        batch: u32,
        /// Go on after this person, where an earlier run ended.
        #[arg(long)]
        after: Option<Uuid>,
        /// Who applies it, for the report.
        #[arg(long)]
        author: Option<Author>,
        /// Write. Without it, this only counts what would change.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinkArguments {
    /// Open reviews: links that something speaks for and nothing proves.
    List {
        /// Most reviews listed, oldest first.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Decides whether a record belongs to a person. Automation never moves the record again.
    #[command(group(ArgGroup::new("verdict").required(true).args(["link", "separate"])))]
    Decide {
        #[command(flatten)]
        record: Record,
        /// The candidate.
        person: Uuid,
        /// The record is this person's: it moves there.
        #[arg(long)]
        link: bool,
        /// The record is not this person's: it stays, and the question is closed for ever.
        #[arg(long)]
        separate: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Moves a record back to where the last decision about it took it from.
    Undo {
        #[command(flatten)]
        record: Record,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The record's source.
    pub(crate) source: String,
    /// The source's ID of the record.
    pub(crate) external_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Who decides.
    #[arg(long)]
    pub(crate) author: Author,
    /// Why, in a sentence that will be kept. No personal data: it outlives the record.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn person_key(text: &str) -> Result<PersonKey, String> {
    if let Ok(id) = text.parse() {
        return Ok(PersonKey::Id(id));
    }
    match text.split_once(':') {
        Some((source, external_id)) if !source.is_empty() && !external_id.is_empty() => {
            Ok(PersonKey::Record { source: source.to_owned(), external_id: external_id.to_owned() })
        }
        _ => Err(String::from("neither a person's ID nor source:external_id")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_record_s_id_may_hold_a_colon() {
        let expected = PersonKey::Record { source: String::from("a"), external_id: String::from("b:c") };
        assert_eq!(person_key("a:b:c"), Ok(expected));
        assert!(person_key("a").is_err() && person_key(":b").is_err() && person_key("a:").is_err());
    }
}
