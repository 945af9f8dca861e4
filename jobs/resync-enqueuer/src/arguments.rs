//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use job_process::EXIT_CODES;
use postgres_store::StaleCondition;
use settings::{Settings, describe};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::provider::EnqueuerSettings;

/// Sends IDs of records to the queue of sso-resync, crm-resync or registry-resync, which read the records again.
///
/// The next run of the same kind resumes an interrupted run. A record that is sent twice is read twice, and changes nothing
/// the second time.
#[derive(Debug, Parser)]
#[command(version, after_long_help = help(), after_help = "--help lists the settings and the exit codes")]
pub(crate) struct Arguments {
    /// The source whose records are sent, by its name in coppice.toml.
    pub(crate) source: String,
    #[command(subcommand)]
    pub(crate) origin: Origin,
    #[command(flatten)]
    pub(crate) how: How,
}

fn help() -> String {
    format!("{}\n{EXIT_CODES}", describe(EnqueuerSettings::ALL))
}

#[derive(Debug, Args)]
pub(crate) struct How {
    /// Records per checkpoint. A killed run sends at most this many again.
    #[arg(long, global = true, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch_size: u32,
    /// Send at most this many records per second. 0: no limit.
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) rate: u32,
    /// Report what would be sent, and send nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Start a new run. Drop the unfinished one: it was interrupted, or the guard against many deletions or changes stopped
    /// it.
    #[arg(long, global = true)]
    pub(crate) restart: bool,
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Origin {
    /// Sends the stored records that were not read for a long time, the oldest reading first.
    Stale {
        /// Not read for this long: a number and s, m, h or d.
        #[arg(long, default_value = "7d", value_parser = length_of_time)]
        older_than: Duration,
        /// Send at most this many records.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Which stored records to send.
        #[arg(long = "where", value_enum, default_value_t = Condition::Present)]
        condition: Condition,
    },
    /// Sends every record that the provider lists. If the listing is complete, also sends the stored records that are not in
    /// it.
    Listing {
        #[command(flatten)]
        guard: GuardArguments,
        /// Skip records whose version in the listing is the stored one. A listing without versions skips none.
        #[arg(long)]
        changed_only: bool,
    },
    /// Sends the records that changed since the last run, from the provider's feed.
    Changes {
        /// Start at this time (RFC 3339) in place of the stored cursor, and leave that cursor as it is. With `--restart`, the cursor
        /// moves to the end of this run. Without a stored cursor, a run starts a day ago.
        #[arg(long, value_parser = instant)]
        since: Option<OffsetDateTime>,
    },
    /// Sends the records with the IDs that you give.
    Ids {
        /// The provider's IDs. If you give none, the command reads them from standard input, one per line.
        ids: Vec<String>,
    },
    /// Sends a listing if a worker has requested one. A worker requests it when an event reports more changes than it names.
    Requested {
        #[command(flatten)]
        guard: GuardArguments,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct GuardArguments {
    /// Allow this number of stored records to be missing from the listing. Default: 100, or 0.5 % of the stored ones if that is more.
    #[arg(long)]
    pub(crate) allow_deletions: Option<u64>,
    /// Allow this number of records to have another version than the stored one. Default: 1,000, or 20 % of the stored ones if that is
    /// more.
    #[arg(long)]
    pub(crate) allow_changes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Condition {
    /// Present ones.
    Present,
    /// Gone ones, to see whether they came back.
    Gone,
    /// Present ones without a version.
    Unversioned,
    /// All.
    Any,
}

impl From<Condition> for StaleCondition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Present => Self::Present,
            Condition::Gone => Self::Gone,
            Condition::Unversioned => Self::Unversioned,
            Condition::Any => Self::Any,
        }
    }
}

impl Origin {
    /// Its stable name, in the run's row.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "stale",
            Self::Listing { .. } => "listing",
            Self::Changes { .. } => "changes",
            Self::Ids { .. } => "ids",
            Self::Requested { .. } => "requested",
        }
    }
}

impl Origin {
    /// The arguments that an interrupted run must share to be resumed. What the guard allows may differ.
    pub(crate) fn arguments(&self) -> String {
        match self {
            Self::Stale { older_than, limit, condition } => {
                let condition = condition.to_possible_value();
                let condition = condition.as_ref().map_or("", |value| value.get_name());
                format!("--older-than {}s --limit {limit} --where {condition}", older_than.as_secs())
            }
            Self::Listing { changed_only: true, .. } => String::from("--changed-only"),
            Self::Changes { since: Some(since) } => {
                format!("--since {}", since.format(&Rfc3339).unwrap_or_default())
            }
            Self::Listing { .. } | Self::Changes { .. } | Self::Ids { .. } | Self::Requested { .. } => {
                String::new()
            }
        }
    }
}

fn length_of_time(text: &str) -> Result<Duration, String> {
    let wrong = || String::from("not a length of time: write a number and s, m, h or d, for example 12h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * secs))
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| String::from("not a time: write it in this form: 2026-11-24T17:00:00Z"))
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
    fn a_length_of_time_has_a_unit() {
        for (text, secs) in [("0s", 0), ("90s", 90), ("5m", 300), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(length_of_time(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "7", "d", "1w", "-1d", "1.5h", "7\u{e4}"] {
            assert!(length_of_time(text).is_err(), "{text}");
        }
    }
}
