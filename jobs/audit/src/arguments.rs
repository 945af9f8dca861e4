//! The command line.

use clap::{Parser, ValueEnum};
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::source_settings::AuditSettings;

/// Reads records again from their sources, compares them with what is stored, and says which are not the same. Writes
/// no record: those that diverge are put on a resync queue if `--repair` says so.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n{MEANING}\n\n{}", describe(AuditSettings::ALL)))]
pub(crate) struct Arguments {
    /// Which sources; each needs its settings.
    #[arg(long = "source", value_delimiter = ',', default_values_t = Kind::ALL)]
    pub(crate) sources: Vec<Kind>,
    /// Records of each source to draw at random: the share of divergent ones is estimated from them.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) sample: u32,
    /// Look also at every record that changed here within so many hours.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=8760))]
    pub(crate) since_hours: u32,
    /// Most of those that changed lately, of each source, the newest first.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) limit: u32,
    /// Look at this record instead of a sample, whether or not it is known here. May be given several times.
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Records to read from a source in a second, at most; the source's own limits hold as well.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) rate: u32,
    /// Wait before a record that seems to diverge is looked at again: an event about it may be on its way.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub(crate) grace_secs: u32,
    /// Put the records that diverge on the source's resync queue.
    #[arg(long)]
    pub(crate) repair: bool,
    /// The queue for that, instead of the one in the settings. For a single source.
    #[arg(long, requires = "repair")]
    pub(crate) queue_url: Option<String>,
    /// Most records of one source to put on a queue: if more diverge, the fault is elsewhere, and none is.
    #[arg(long, default_value_t = 500)]
    pub(crate) max_repair: usize,
    /// Put nothing on a queue, and keep no row of the result.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON, with every ID.
    #[arg(long)]
    pub(crate) json: bool,
}

const MEANING: &str = "Here: 0 nothing diverges; 1 something does, or could not be told, or a source is down; \
     4 more diverges than --max-repair, and nothing was put on a queue";

/// What a source is to the organisation: the settings say which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The identity provider: its users.
    Sso,
    /// The CRM: its contacts.
    Crm,
    /// The identity-verification provider: its cases.
    Identity,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Sso, Self::Crm, Self::Identity];
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sso => "sso",
            Self::Crm => "crm",
            Self::Identity => "identity",
        })
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
}
