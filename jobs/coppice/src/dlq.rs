//! `dlq`: arguments to plans and runs. `redrive` and `drop` make a plan and print it; with `--yes` they run it. With `--plan`
//! they run one that was made before, or say how far it is.

mod arguments;
mod text;

use job_process::{JobError, print};
use operations::OperationError;
use operations::dlq::{self, Execution, MoveReport, NewPlan, Sources};
use postgres_store::Author;
use tokio_util::sync::CancellationToken;

use settings::Reader;

use crate::environment::{queues, store, store_and_queues};
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) use arguments::DlqCommand;
use arguments::{DropArguments, RedriveArguments, Wanted};

pub(crate) async fn run(command: DlqCommand, json: bool, stop: &CancellationToken) -> Result<(), JobError> {
    match command {
        DlqCommand::List { units, limit } => {
            let reports = dlq::list(&queues().await?, &units, limit, stop).await.map_err(job_error)?;
            print(&Printed(reports), json)
        }
        DlqCommand::Show { unit, message_id } => {
            let (store, queues, config) = store_and_queues().await?;
            let reader = Reader::from_environment();
            let sources = Sources::new(&config, &reader);
            let report = dlq::show(&store, &queues, &sources, &unit, &message_id, stop).await;
            print(&Printed(report.map_err(job_error)?), json)
        }
        DlqCommand::Redrive(RedriveArguments { wanted, pace, yes }) => {
            plan_and_run(wanted, Execution::Redrive(pace.into()), (None, None), yes, json, stop).await
        }
        DlqCommand::Drop(DropArguments { wanted, author, reason, yes }) => {
            plan_and_run(wanted, Execution::Drop, (author, reason), yes, json, stop).await
        }
        DlqCommand::Plan { plan } => {
            let progress = dlq::progress(&store().await?, plan).await.map_err(job_error)?;
            print(&Printed(progress), json)
        }
        DlqCommand::MoveAll { unit, rate, yes } => move_all(&unit, rate, yes, json, stop).await,
    }
}

async fn plan_and_run(
    wanted: Wanted,
    execution: Execution,
    (author, reason): (Option<Author>, Option<String>),
    yes: bool,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (store, queues, _) = store_and_queues().await?;
    let action = execution.action();
    let plan_id = match wanted.plan {
        None => {
            let new = NewPlan {
                action,
                unit: wanted.unit.unwrap_or_default(),
                scan_limit: wanted.chosen.scan_limit,
                selection: wanted.chosen.into(),
                author: author.map(|author| author.to_string()),
                reason,
            };
            let planned = Printed(dlq::plan(&store, &queues, &new, stop).await.map_err(job_error)?);
            if planned.0.messages == 0 || !yes {
                return print(&planned, json);
            }
            // Standard output has one report, that of the run.
            eprint!("{planned}");
            planned.0.plan_id
        }
        Some(plan_id) => {
            let progress = dlq::progress(&store, plan_id).await.map_err(job_error)?;
            if progress.action != action {
                return Err(job_error(OperationError::OtherAction { plan_id, action: progress.action }));
            }
            if !yes {
                return print(&Printed(progress), json);
            }
            plan_id
        }
    };
    let progress = dlq::run(&store, &queues, plan_id, execution, stop).await.map_err(job_error)?;
    // Printed also if the check fails.
    let judged = progress.check();
    print(&Printed(progress), json)?;
    judged.map_err(job_error)
}

async fn move_all(
    unit: &str,
    rate: i32,
    yes: bool,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (store, queues, _) = store_and_queues().await?;
    if !yes {
        let counted = dlq::count(&queues, unit).await.map_err(job_error)?;
        return print(&Printed(counted), json);
    }
    let mut last = None;
    let note = |progress: &MoveReport| {
        if progress.status == "RUNNING" {
            eprintln!("moved {} of {}", progress.moved, progress.to_move.unwrap_or_default());
        }
        last = Some(progress.clone());
    };
    let ended = dlq::move_all(&store, &queues, unit, rate, stop, note).await;
    // A task that failed has moved some messages, too.
    if let (Ok(_) | Err(OperationError::MoveFailed { .. }), Some(last)) = (&ended, last) {
        print(&Printed(last), json)?;
    }
    ended.map(drop).map_err(job_error)
}
