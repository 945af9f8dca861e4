//! The command line.

use clap::Parser;
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::source_settings::AuditSettings;

/// Samples records, compares them with their sources, and reports those that diverge. Writes no record. With `--repair`, the
/// divergent records are sent to a resync queue.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n{MEANING}\n\n{}", describe(AuditSettings::ALL)))]
pub(crate) struct Arguments {
    /// Which sources, by their names in coppice.toml. All of them, if you name none. Each needs its secrets.
    #[arg(long = "source", value_delimiter = ',')]
    pub(crate) sources: Vec<String>,
    /// Records of each source to sample at random. The share of divergent records is estimated from them.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) sample: u32,
    /// Also compare every record that changed here within this number of hours.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=8760))]
    pub(crate) since_hours: u32,
    /// Compare at most this many recently changed records of each source, the newest first.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) limit: u32,
    /// Compare this record in place of a sample, whether or not it is stored. Repeatable.
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Read at most this many records of a source per second. The source's own limits apply too.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) rate: u32,
    /// Wait before a record that seems to diverge is compared again: an event about it may be on its way.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub(crate) grace_secs: u32,
    /// Send the divergent records to the source's resync queue.
    #[arg(long)]
    pub(crate) repair: bool,
    /// That queue, in place of the one in the settings. Only with one source.
    #[arg(long, requires = "repair")]
    pub(crate) queue_url: Option<String>,
    /// Send at most this many records of one source to a queue. If more diverge, none is sent: first look for a common
    /// cause.
    #[arg(long, default_value_t = 500)]
    pub(crate) max_repair: usize,
    /// Send nothing, and store no result.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON, with every ID.
    #[arg(long)]
    pub(crate) json: bool,
}

const MEANING: &str = "Here: 0 no record diverges; 1 a record diverges or is undecided, or a source is down; \
     4 more records diverge than --max-repair, and none was sent to a queue";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
