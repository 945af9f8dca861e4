//! Checks a unit's dependencies and names the fix for each fault: AWS credentials, bus, rules, queues, database, clocks,
//! provider. Reads only.
//!
//! In: the settings that the unit reads itself. Out: a [`DoctorReport`] with a finding for each check. A thing that these
//! credentials may not look at is skipped, which is no fault. Each module checks one dependency; none knows how a report is
//! shown.

mod aws;
mod bus;
mod clock;
mod credentials;
mod database;
mod finding;
mod found;
mod partner;
mod patterns;
mod provider;
mod queue;
mod queue_attributes;
mod records;
mod rules;
mod target;

use postgres_store::Store;
use settings::Reader;
use tokio_util::sync::CancellationToken;
use worker_process::{DATABASE_URL, read_handed_over};

use crate::OperationError;
use aws::Aws;
use finding::Findings;
use target::Target;

pub use finding::{DoctorReport, Finding, Level};
pub use target::{Unit, UnknownUnit};

/// One for the checks, one in reserve.
const CONNECTIONS: u32 = 2;

/// Checks the dependencies of a unit whose settings `reader` holds, or without a unit every queue. Uses the process's AWS
/// configuration.
///
/// # Errors
/// [`OperationError::Settings`], [`OperationError::Provider`], [`OperationError::ChecksStopped`]. A fault that a check finds is
/// no error.
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
        .map_err(|error| OperationError::Setting { setting: DATABASE_URL.name, error })?;
    let aws = Aws::connect().await;
    let mut findings = Findings::default();
    credentials::check(&aws, &mut findings).await;
    if bus::check(&aws, &target.bus, &mut findings).await {
        check_topology(&aws, &target, &mut findings).await;
    } else {
        findings.skipped("topology", "rules, targets, queues", "not checked: first fix the faults above");
    }
    let answers = database::check(&store, &mut findings).await;
    clock::check(&aws, answers.then_some(&store), &mut findings).await;
    if let target::Provider::Of(source) = &target.provider {
        read_handed_over(source, &store);
    }
    provider::check(target.provider, &mut findings).await;
    Ok(DoctorReport::new(unit, findings))
}

async fn check_topology(aws: &Aws, target: &Target, findings: &mut Findings) {
    let queues = queue::find(aws, target, findings).await;
    let mut dead_ends = found::DeadEnds::default();
    for queue in &queues {
        let rules = rules::check(aws, target, queue, &mut dead_ends, findings).await;
        if let Some(rules) = &rules {
            patterns::check(&target.bus, &target.model.rules, queue, rules, findings);
        }
        queue::check(queue, rules.as_deref(), target.step_limit, findings);
    }
    partner::check(aws, target, findings).await;
    queue::check_dead_ends(aws, &dead_ends, findings).await;
}
