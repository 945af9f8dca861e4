//! `doctor`: whether a unit's surroundings are as it needs them, before it starts, with the fix for each fault.
//!
//! In: the environment that the unit has itself. Out: a line for each check. Reads only. What it may not see it says it
//! has not seen: a missing permission is no fault of the thing. Each module knows one thing that is checked; `finding` is
//! what they all answer.

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

use clap::Args;
use job_process::{JobError, print};
use postgres_store::Store;
use settings::Reader;
use tokio_util::sync::CancellationToken;
use worker_process::DATABASE_URL;

use aws::Aws;
use finding::{Findings, Report};
use target::Target;

pub(crate) use target::Unit;

const HELP: &str = "\
Settings: those of the unit that is named, all of them (its own --help lists them). Without a unit: DATABASE_URL and
COPPICE_BUS_NAME.

Permissions, each of which may be missing (what needs it is then skipped): events:DescribeEventBus, ListRules,
ListTargetsByRule, TestEventPattern, ListEventBuses, ListEventSources, DescribeEventSource; sqs:GetQueueAttributes,
GetQueueUrl, ListQueues.

Exit codes: 0 no fault in what was looked at; 1 a fault; 2 wrong usage or settings, all listed";

/// One for the checks, one in reserve.
const CONNECTIONS: u32 = 2;

/// Which environment is checked.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct DoctorArguments {
    /// The unit whose environment this is. Without it, what needs no unit's own settings is checked, for every queue.
    #[arg(long, value_enum)]
    unit: Option<Unit>,
}

pub(crate) async fn run(
    arguments: DoctorArguments,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    tokio::select! {
        ended = examine(arguments, json) => ended,
        () = stop.cancelled() => Err(JobError::Stopped(String::from("stopped before everything was looked at"))),
    }
}

async fn examine(arguments: DoctorArguments, json: bool) -> Result<(), JobError> {
    let subject = Target::read(&Reader::from_environment(), arguments.unit)?;
    let store = Store::open(&subject.database_url, CONNECTIONS)
        .map_err(|error| JobError::Usage(format!("{}: {error}", DATABASE_URL.name)))?;
    let aws = Aws::connect().await;
    let mut findings = Findings::default();
    credentials::check(&aws, &mut findings).await;
    if bus::check(&aws, &subject.bus, &mut findings).await {
        check_topology(&aws, &subject, &mut findings).await;
    } else {
        findings.skipped("topology", "rules, targets, queues", "the bus has to be there first");
    }
    let answers = database::check(&store, &mut findings).await;
    clock::check(&aws, answers.then_some(&store), &mut findings).await;
    provider::check(subject.provider, &mut findings).await?;
    let report = Report::new(arguments.unit, findings);
    print(&report, json)?;
    // The report says it already.
    if report.is_healthy() { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

/// Of each queue: its rules, what they match, where they send, and the queue itself.
async fn check_topology(aws: &Aws, subject: &Target, findings: &mut Findings) {
    let queues = queue::find(aws, subject, findings).await;
    let mut dead_ends = rules::DeadEnds::default();
    for queue in &queues {
        let rules = rules::check(aws, &subject.bus, queue, &mut dead_ends, findings).await;
        if let Some(rules) = &rules {
            patterns::check(aws, queue, rules, findings).await;
            partner::check(aws, &subject.bus, rules, findings).await;
        }
        queue::check(queue, rules.as_deref().unwrap_or_default(), subject.step_limit, findings);
    }
    queue::check_dead_ends(aws, &dead_ends, findings).await;
}
