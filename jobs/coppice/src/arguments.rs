//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use config::CONFIG;
use job_process::{Database, EXIT_CODES};
use postgres_store::{Author, PersonKey};
use settings::{Settings, describe};
use uuid::Uuid;
use worker_process::{BUS_NAME, LOG};

use crate::dlq::DlqCommand;
use crate::doctor::DoctorArguments;

/// Shows persons and why each value is as it is, tries and applies policies, tries sources, decides links, redrives dead-lettered
/// messages, checks a unit's dependencies.
#[derive(Debug, Parser)]
#[command(version, after_help = after_help())]
pub(crate) struct Arguments {
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) topic: Topic,
}

/// `doctor` and `dlq show` read a unit's settings, which the unit's own help lists.
fn after_help() -> String {
    let settings = describe(&[Database::ALL, &[BUS_NAME.help(), CONFIG.help(), LOG.help()]].concat());
    format!(
        "{EXIT_CODES}\n\n{settings}\n\n[required]: by the commands that use it. `person`, `config`, `link`, `record` and \
         `retention` use no bus, `dlq list` no database, `config check` and `config schema` neither. `source test` reads the source's secrets, and uses the database if there is one. `doctor --unit U` needs every setting of \
         U, and `dlq show` those of the unit's provider, to compare the record with it: `U --help` lists them"
    )
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    /// Shows what is known of a person, and why.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Checks, shows, tries and applies `coppice.toml`.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Decides which records belong to one person.
    #[command(subcommand)]
    Link(LinkArguments),
    /// Tries a source of `coppice.toml`.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Lists missing records, stores them as gone, and lets a record come back that was stored as gone by mistake.
    #[command(subcommand)]
    Record(RecordCommand),
    /// Lists, shows, redrives and drops dead-lettered messages.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Deletes old rows: copies of messages, failed attempts, sign-ins, heartbeats, drills, runs and results. Each age is an
    /// option.
    Retention(Ages),
    /// Renders the topology of the sources in `coppice.toml`.
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Checks a unit's dependencies and names the fix for each fault. Changes nothing.
    Doctor(DoctorArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Renders the CloudFormation templates: bus, queues, rules, alarms and roles of every branch. Calls nothing, and needs no
    /// secret.
    Render {
        /// Write the templates into this folder. Without it, the command prints them.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Give the alarms a template of their own, if there are more resources than CloudFormation accepts in one.
        #[arg(long)]
        alarms_apart: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Shows each field with its record, and the values of the other records. Then the person's records, identities and link
    /// decisions.
    Show {
        /// Our ID of the person, or one of the person's records as `source:external_id`. If the person was merged, the
        /// command shows the person that has the records now.
        #[arg(value_parser = person_key)]
        id: PersonKey,
        /// Show the values of sensitive fields, too.
        #[arg(long)]
        reveal: bool,
    },
    /// Shows the rules of one field, in order: which records each rule accepts or refuses, and which record wins.
    Why {
        /// Which field of the policy: email, phone, `given_name`, …
        field: String,
        /// Our ID of the person, or one of the person's records as `source:external_id`.
        #[arg(value_parser = person_key)]
        id: PersonKey,
        /// Show the values, although the field is sensitive.
        #[arg(long)]
        reveal: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Lists every fault of a file. Needs no database.
    Check {
        /// The file. Without it: that of `COPPICE_CONFIG`.
        file: Option<PathBuf>,
    },
    /// Shows a version: what it says, and which sources it has.
    Show {
        /// Its number. Without it: the newest, by which every unit computes.
        version: Option<i64>,
        /// With the built-in fields and rules that it does not replace.
        #[arg(long)]
        effective: bool,
    },
    /// Prints the JSON schema of the file, for an editor.
    Schema,
    /// Prints the file that says what the variables of the release before said: run it in that release's environment. Secrets are
    /// named, and not in the file.
    FromEnvironment,
    /// Lists what two files say differently.
    Diff {
        /// A file, or the number of a version.
        before: String,
        /// Another one.
        after: String,
    },
    /// Counts what a file would change, with a sample, and says what becomes of sources that it adds or lacks. Writes nothing.
    WhatIf {
        /// The file. Without it: that of `COPPICE_CONFIG`.
        file: Option<PathBuf>,
        /// List at most this many persons as examples.
        #[arg(long, default_value_t = 10)]
        sample: usize,
        /// Persons read at once.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        batch: u32,
        /// Show the values of sensitive fields in the examples, too.
        #[arg(long)]
        reveal: bool,
    },
    /// Makes a file the newest version: every unit goes on by it at once, without a restart. Then computes every person by it, and
    /// announces those that change. If it is the newest already, resumes a run that was interrupted.
    Apply {
        /// The file. Without it: that of `COPPICE_CONFIG`.
        file: Option<PathBuf>,
        #[command(flatten)]
        how: ApplyArguments,
    },
    /// Lists the newest versions: when, by whom, and whether all persons were computed by it.
    History {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Applies an older version again, as a new one.
    Rollback {
        /// Its number.
        version: i64,
        #[command(flatten)]
        how: ApplyArguments,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Persons in one transaction.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch: u32,
    /// Compute every person, although all were computed by this version.
    #[arg(long)]
    pub(crate) again: bool,
    /// Who applies it. Needed to write.
    #[arg(long)]
    pub(crate) author: Option<Author>,
    /// Write. Without it, the command only counts what would change.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinkArguments {
    /// Lists links that wait for your decision: there is a hint, but no proof.
    List {
        /// List at most this many reviews, the oldest first.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Decides whether a record belongs to a person. The automatic linking never moves the record again.
    #[command(group(ArgGroup::new("decision").required(true).args(["link", "separate"])))]
    Decide {
        #[command(flatten)]
        record: Record,
        /// The person that the record may belong to.
        #[arg(value_parser = person_id)]
        person: Uuid,
        /// The record belongs to this person: move it there.
        #[arg(long)]
        link: bool,
        /// The record does not belong to this person: it stays with its person, and the automatic linking never links the two persons.
        #[arg(long)]
        separate: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Moves a record back to the person that the last decision took it from.
    Undo {
        #[command(flatten)]
        record: Record,
        #[command(flatten)]
        why: Why,
    },
}

/// The lower limits: a message may come again from its queue (14 days), or from its dead-letter queue (14 more), and an alarm
/// looks a week back.
#[derive(Debug, Args)]
pub(crate) struct Ages {
    /// Days that copies of dead-lettered messages are kept, resolved or not. A copy may be a partner's whole event.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(28..))]
    pub(crate) dead_lettered_messages_days: u32,
    /// Days that plans of redrives are kept.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(28..))]
    pub(crate) redrive_plans_days: u32,
    /// Days that failed attempts are kept.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(28..))]
    pub(crate) message_failures_days: u32,
    /// Days that the IDs of counted sign-ins are kept. If the event of an older one comes again, it is counted again.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(28..))]
    pub(crate) login_events_days: u32,
    /// Days that heartbeats are kept.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) heartbeats_days: u32,
    /// Days that fire drills are kept.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(8..))]
    pub(crate) fire_drills_days: u32,
    /// Days that an unfinished resync run is kept after its last progress.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(8..))]
    pub(crate) resync_runs_days: u32,
    /// Days that results of audits are kept.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(8..))]
    pub(crate) audit_results_days: u32,
    /// Count, and delete nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Reads one record, and shows the requests, what was found in the answer for each field, and what a worker would change for
    /// whom. Writes nothing. Needs the source's secrets, and the database only for the changes.
    Test {
        /// The source's name.
        name: String,
        /// The source's ID of a record.
        #[arg(long)]
        id: String,
        /// Show the values of sensitive fields, too.
        #[arg(long, visible_alias = "show-values")]
        reveal: bool,
    },
    /// Drafts the description of an API for `coppice.toml` from its OpenAPI file, and lists what the file does not say. Needs nothing
    /// else.
    Init {
        /// A name for the source.
        name: String,
        /// The OpenAPI file, version 3.0 or 3.1, as JSON or YAML.
        #[arg(long)]
        openapi: PathBuf,
        /// The schema of a person's record.
        #[arg(long)]
        schema: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Lists the missing records: their source does not show them, and nothing proves that they were deleted. Their values
    /// stay.
    List {
        /// List the missing ones.
        #[arg(long, required = true)]
        missing: bool,
        /// Of this source only.
        #[arg(long)]
        source: Option<String>,
        /// List at most this many records, the longest missing first.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Stores a missing record as gone. Its person loses the values that only this record has. If a later reading finds the
    /// record, Coppice restores it.
    Gone {
        #[command(flatten)]
        record: Record,
        /// Check that the record is missing, and write nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Allows Coppice to restore a record that its source reported as deleted: the next reading that finds the record
    /// restores it.
    Restore {
        #[command(flatten)]
        record: Record,
        /// Check that the record is stored as gone, and write nothing.
        #[arg(long)]
        dry_run: bool,
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
    /// Why, in one sentence. It is stored and outlives the record, so put no personal data in it.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Report what would be done, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn person_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| String::from("not a person's ID (a UUID)"))
}

fn person_key(text: &str) -> Result<PersonKey, String> {
    if let Ok(id) = text.parse() {
        return Ok(PersonKey::Id(id));
    }
    match text.split_once(':') {
        Some((source, external_id)) if !source.is_empty() && !external_id.is_empty() => {
            Ok(PersonKey::Record { source: source.to_owned(), external_id: external_id.to_owned() })
        }
        _ => Err(String::from(
            "not a person's ID (a UUID) and not a record as SOURCE:ID, for example staff:ada",
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_record_s_id_may_hold_a_colon() {
        let expected = PersonKey::Record { source: String::from("a"), external_id: String::from("b:c") };
        assert_eq!(person_key("a:b:c"), Ok(expected));
        assert!(person_key("a").is_err() && person_key(":b").is_err() && person_key("a:").is_err());
    }
}
