//! The command line.

use clap::Parser;
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::settings::JobSettings;

/// Loads the content of the CMS into Postgres: the changes since the last run, or everything.
///
/// The next run resumes a run that was killed or stopped. Two runs at once are safe: the slower one ends.
#[derive(Debug, Clone, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n\n{}", describe(JobSettings::ALL)))]
pub(crate) struct Arguments {
    /// Read everything, not only the changes, and find deleted items. Resumes an unfinished `--full`. Without a cursor of changes,
    /// every run does this.
    #[arg(long)]
    pub(crate) full: bool,
    /// Read and count, but write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Allow this number of stored items to be missing from the listing. Default: 100, or 0.5 % of the stored ones if that is more.
    #[arg(long, value_name = "N")]
    pub(crate) allow_deletions: Option<u64>,
    /// Continue with changes although the listing has another number of items than the CMS counts. No item counts as deleted then.
    #[arg(long)]
    pub(crate) accept_count: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
