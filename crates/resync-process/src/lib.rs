//! What every resync job is: the worker's handler for the same records, on a queue of its own, until that queue is empty. It
//! adds a budget of requests that all pods share (`budget`), and a guard that stops before too many records are stored as gone
//! (`handler`). This crate must not know any provider, nor the job that fills the queue.

mod budget;
mod handler;
mod report;
mod settings;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::settings::{Reader, SettingHelp, Settings, both, describe};
use job_process::{EXIT_CODES, JobError, print};
use postgres_store::Store;
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use tokio_util::sync::CancellationToken;
use worker_process::{Consumer, ProcessSettings, STEP_LIMIT, read_handed_over};
use worker_runtime::Mode;

use budget::Budget;
use handler::{Brake, Resyncing};
use report::ResyncReport;
use settings::ResyncSettings;

pub use settings::{check_settings, usual_deletions};

const PACED_STEP_LIMIT: Duration = Duration::from_secs(600);

/// What differs between resync jobs.
pub trait ResyncJob: RecordUnit {
    /// One line for `--help`.
    const ABOUT: &'static str;
}

/// The whole of a resync job's `main`. `version` is the binary's own.
pub fn run<J: ResyncJob>(version: &'static str) -> ExitCode {
    let json = command::<J>(version).get_matches().get_flag("json");
    job_process::run(J::NAME, async |stop| work::<J>(version, json, stop).await)
}

fn command<J: ResyncJob>(version: &'static str) -> clap::Command {
    let known: Vec<SettingHelp> = [ProcessSettings::ALL, ResyncSettings::ALL].concat();
    let json = clap::Arg::new("json").long("json").action(clap::ArgAction::SetTrue);
    clap::Command::new(J::NAME)
        .about(J::ABOUT)
        .version(version)
        .arg(json.help("Print the report as JSON"))
        .after_long_help(format!("{}\n{EXIT_CODES}", describe(&known)))
        .after_help("--help lists the settings, which are environment variables, and the exit codes")
}

async fn work<J: ResyncJob>(
    version: &'static str,
    json: bool,
    stop: CancellationToken,
) -> Result<(), JobError> {
    let reader = Reader::from_environment();
    let (process, limits) = both(reader.load::<ProcessSettings>(), reader.load::<ResyncSettings>())?;
    let requests = limits.requests();
    // Connections of its own: a wait for the budget must not depend on the consumer's, which may all be in use.
    let store = Store::open(&process.database_url, 2)?;
    let budget = Arc::new(Budget::new(store.clone(), requests));
    let source = process.source.connect_within(&reader, Budget::admission(&budget))?;
    J::check(&source)?;
    let name = process.source.name.clone();
    budget.is_for(&name);
    let most_deletions = limits.most_deletions(&store, &name).await?;
    let brake = Brake::new(&stop);
    let started = Instant::now();
    let report = match budget.has_some_left().await? {
        false => {
            brake.day_is_used_up(requests.per_day);
            worker_runtime::Report::default()
        }
        true => {
            // A step with a budget mostly waits for its turn.
            let step_limit = if budget.is_unlimited() { STEP_LIMIT } else { PACED_STEP_LIMIT };
            let consumer = Consumer { mode: Mode::UntilEmpty, version, step_limit, process };
            let handler = |store: Store| {
                read_handed_over(&source, &store);
                let sync = RecordSync::new(SourceRecords::new(source), store.clone()).without_guard();
                Ok(Resyncing::<J>::new(sync, store, Arc::clone(&budget), most_deletions, brake.clone()))
            };
            tracing::info!(source = name, most_deletions, "resync begins");
            let ended = consumer.run(handler, brake.token()).await;
            budget.return_unused().await?;
            ended?
        }
    };
    let report = ResyncReport::new(J::NAME, &report, budget.requests(), started.elapsed());
    print(&report, json)?;
    brake.end(&stop)
}
