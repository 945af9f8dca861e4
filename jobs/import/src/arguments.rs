//! The command line, and the settings.

use std::path::PathBuf;

use clap::Parser;
use config::{CONFIG, Config};
use job_process::{Database, EXIT_CODES};
use settings::{Settings, describe};
use worker_process::LOG;

settings::declare! {
    /// All settings, for `--help`, and those that every run reads.
    pub(crate) struct ImportSettings;

    pub database: Database = load;
    pub config: Config = use CONFIG;
    QUEUE_URL: String = "COPPICE_QUEUE_URL" [required]
        "URL of the queue to fill: that of the source's resync job" => pub queue_url;
    list use LOG;
}

/// Takes the records of a file, and sends the IDs of those that changed to the queue of crm-resync or registry-resync.
///
/// The next run of the same files resumes an interrupted run.
#[derive(Debug, Parser)]
#[command(version, after_long_help = help(), after_help = "--help lists the settings and the exit codes")]
pub(crate) struct Arguments {
    /// The source whose records they are, by its name in coppice.toml. Its connector is handed-over.
    pub(crate) source: String,
    /// A file, or a folder whose files are read in the order of their names: CSV, or JSON Lines if the name ends in .jsonl or .ndjson.
    pub(crate) path: PathBuf,
    /// The files have every record: remove the records that they lack.
    #[arg(long)]
    pub(crate) whole: bool,
    /// The column, or the name in each JSON object, of the record's ID.
    #[arg(long, default_value = "id")]
    pub(crate) id_column: String,
    /// Write file, line, column and reason of each bad row into this file, as CSV. No values.
    #[arg(long)]
    pub(crate) bad_rows: Option<PathBuf>,
    /// Remove records although a whole run has less than half the rows of the last one.
    #[arg(long)]
    pub(crate) allow_fewer_rows: bool,
    /// Report what would change, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Rows per checkpoint.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch_size: u32,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn help() -> String {
    format!("{}\n{EXIT_CODES}", describe(ImportSettings::ALL))
}
