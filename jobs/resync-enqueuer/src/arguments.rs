//! What can be asked for.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use job_process::EXIT_CODES;
use postgres_store::StaleCondition;
use settings::{Settings, describe};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::provider::EnqueuerSettings;

/// Names records that are to be read again, on the queue of sso-resync or crm-resync.
///
/// A run that was interrupted is gone on with by the next of its kind; one that ended begins anew. What is named twice is
/// read twice, and changes nothing the second time.
#[derive(Debug, Parser)]
#[command(version, after_long_help = help(), after_help = "--help lists the settings and the exit codes")]
pub(crate) struct Arguments {
    /// Whose records.
    #[arg(value_enum)]
    pub(crate) role: RoleName,
    #[command(subcommand)]
    pub(crate) origin: Origin,
    #[command(flatten)]
    pub(crate) how: How,
}

fn help() -> String {
    format!("{}\n{EXIT_CODES}", describe(EnqueuerSettings::ALL))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Users of the identity provider.
    Sso,
    /// Contacts of the CRM.
    Crm,
}

#[derive(Debug, Args)]
pub(crate) struct How {
    /// Records that are sent before it is remembered how far it came: what a killed run sends twice at most.
    #[arg(long, global = true, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch_size: u32,
    /// Most records sent per second. 0: as many as the queue takes.
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) rate: u32,
    /// Say what would be sent, and send nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Forget a run that was interrupted, or stopped by the guard, and begin anew.
    #[arg(long, global = true)]
    pub(crate) anew: bool,
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Origin {
    /// Stored records that were not read for long, those first that were read longest ago.
    Stale {
        /// Not read for so long: a number and s, m, h or d.
        #[arg(long, default_value = "7d", value_parser = length_of_time)]
        older_than: Duration,
        /// Most records.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Which of the stored records.
        #[arg(long = "where", value_enum, default_value_t = Condition::Present)]
        condition: Condition,
    },
    /// Every record that the provider lists; those too that it does not list and we have, if the listing was whole.
    Listing {
        #[command(flatten)]
        guard: GuardArguments,
        /// Leave out records whose version in the listing is ours. A listing without versions leaves out none.
        #[arg(long)]
        changed_only: bool,
    },
    /// What the provider says has changed since the last time.
    Changes {
        /// Begin at this time (RFC 3339), and not where the last time ended, which is left as it is; with `--anew` the
        /// next time begins where this one ends. The first time it begins a day ago.
        #[arg(long, value_parser = instant)]
        since: Option<OffsetDateTime>,
    },
    /// These records.
    Ids {
        /// The provider's IDs. Without any they are read from standard input, one a line.
        ids: Vec<String>,
    },
    /// A listing, if a worker has asked for one because more had changed than the provider could say.
    Requested {
        #[command(flatten)]
        guard: GuardArguments,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct GuardArguments {
    /// Go on although so many records that we have are not listed. Without it: 100, or 0.5 % of those that we have.
    #[arg(long)]
    pub(crate) allow_deletions: Option<u64>,
    /// Go on although so many records have another version than ours. Without it: 1,000, or 20 % of those that we have.
    #[arg(long)]
    pub(crate) allow_changes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Condition {
    /// Those that are there.
    Present,
    /// Those that are gone: whether they came back.
    Gone,
    /// Those that are there and have no version of the provider's.
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
    /// Its stable name: it stands in the run's row.
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
    /// What an interrupted run must have been asked for, to be gone on with. What the guard allows may differ.
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
    let wrong = || String::from("not a number and s, m, h or d, as 12h");
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
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| String::from("not a time as 2026-11-24T17:00:00Z"))
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
    fn a_length_of_time_has_a_unit() {
        for (text, secs) in [("0s", 0), ("90s", 90), ("5m", 300), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(length_of_time(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "7", "d", "1w", "-1d", "1.5h", "7\u{e4}"] {
            assert!(length_of_time(text).is_err(), "{text}");
        }
    }
}
