//! Checks a unit's dependencies and names the fix for each fault: AWS credentials, bus, rules, queues, database, clocks,
//! provider.
//!
//! In: the settings that the unit reads itself. Out: a [`DoctorReport`] with one finding for each check. Reads only. A thing
//! that these credentials may not look at is reported as skipped, and not as a fault. Each module checks one dependency and
//! adds to [`Findings`]; none knows how a report is shown.

mod access_policy;
mod aws;
mod bus;
mod clock;
mod credentials;
mod database;
mod finding;
mod partner;
mod patterns;
mod provider;
mod queue;
mod queue_attributes;
mod rules;
mod samples;
mod target;

use postgres_store::Store;
use settings::Reader;
use tokio_util::sync::CancellationToken;
use worker_process::DATABASE_URL;

use crate::OperationError;
use aws::Aws;
use finding::Findings;
use target::Target;

pub use finding::{DoctorReport, Finding, Level};
pub use target::{Unit, UnknownUnit};

/// One for the checks, one in reserve.
const CONNECTIONS: u32 = 2;

/// Checks the dependencies of a unit whose settings `reader` holds. Without a unit: everything that needs no unit's own
/// settings, for every queue. AWS is reached with the process's own configuration.
///
/// # Errors
/// [`OperationError::Settings`] with every setting that is missing or wrong, [`OperationError::Provider`] when those of the
/// provider do not fit together, [`OperationError::ChecksStopped`]. A fault that a check finds is no error.
pub async fn check(
    unit: Option<Unit>,
    reader: &Reader,
    stop: &CancellationToken,
) -> Result<DoctorReport, OperationError> {
    tokio::select! {
        report = check_all(unit, reader) => report,
        () = stop.cancelled() => Err(OperationError::ChecksStopped),
    }
}

async fn check_all(unit: Option<Unit>, reader: &Reader) -> Result<DoctorReport, OperationError> {
    let target = Target::read(reader, unit)?;
    let store = Store::open(&target.database_url, CONNECTIONS)
        .map_err(|source| OperationError::Setting { setting: DATABASE_URL.name, source })?;
    let aws = Aws::connect().await;
    let mut findings = Findings::default();
    credentials::check(&aws, &mut findings).await;
    if bus::check(&aws, &target.bus, &mut findings).await {
        check_topology(&aws, &target, &mut findings).await;
    } else {
        findings.skipped("topology", "rules, targets, queues", "the bus has to exist first");
    }
    let answers = database::check(&store, &mut findings).await;
    clock::check(&aws, answers.then_some(&store), &mut findings).await;
    provider::check(target.provider, &mut findings).await?;
    Ok(DoctorReport::new(unit, findings))
}

/// Checks each queue: its rules, what they match, where they send, and the queue itself.
async fn check_topology(aws: &Aws, target: &Target, findings: &mut Findings) {
    let queues = queue::find(aws, target, findings).await;
    let mut dead_ends = rules::DeadEnds::default();
    for queue in &queues {
        let rules = rules::check(aws, &target.bus, queue, &mut dead_ends, findings).await;
        if let Some(rules) = &rules {
            patterns::check(aws, queue, rules, findings).await;
            partner::check(aws, &target.bus, rules, findings).await;
        }
        queue::check(queue, rules.as_deref().unwrap_or_default(), target.step_limit, findings);
    }
    queue::check_dead_ends(aws, &dead_ends, findings).await;
}
