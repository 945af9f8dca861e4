//! The command line.

use clap::Parser;
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::settings::JobSettings;

/// Brings the content of the CMS into Postgres: what has changed since the last run, or everything.
///
/// A run that was killed or stopped is gone on with by the next one. Two at once are safe: the slower one ends.
#[derive(Debug, Clone, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n\n{}", describe(JobSettings::ALL)))]
pub(crate) struct Arguments {
    /// Read everything, not only what has changed, and find what is gone. Goes on with a `--full` that was not ended.
    /// Without a cursor of changes, every run does this.
    #[arg(long)]
    pub(crate) full: bool,
    /// Read and count, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Let so many items be missing from everything, in place of 100, or 0.5 % where that is more.
    #[arg(long, value_name = "N")]
    pub(crate) allow_deletions: Option<u64>,
    /// Go on with changes although everything was not as many items as the CMS counts. Nothing is taken for gone then.
    #[arg(long)]
    pub(crate) accept_count: bool,
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
