//! `dlq move-all`: SQS's own message move task.

use std::fmt;
use std::time::Duration;

use job_process::{JobError, print};
use serde::Serialize;
use sqs_queue::Queue;
use tokio_util::sync::CancellationToken;

use crate::database::CONNECTIONS;

use super::fleet::{DeadLetterQueue, UNDELIVERED, aws_config, database_and_prefix, of_unit, refused};

const LOOK_INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn run(
    unit: &str,
    rate: i32,
    yes: bool,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (database, prefix) = database_and_prefix()?;
    let config = aws_config().await;
    if unit == UNDELIVERED {
        let told = "undelivered is no queue's dead-letter queue, so SQS moves nothing from it: use `dlq redrive undelivered`";
        return Err(JobError::Usage(String::from(told)));
    }
    let DeadLetterQueue { letters, source, .. } = of_unit(&config, &prefix, unit).await?;
    let source = source.ok_or_else(|| JobError::NotFound(format!("there is no queue of {unit}")))?;
    if !yes {
        let depth = letters.depth().await.map_err(|error| refused(&error))?;
        let waiting = i64::try_from(depth.visible).unwrap_or(i64::MAX);
        let status = String::from("NOT STARTED");
        return print(&Moved { unit: unit.to_owned(), status, moved: 0, to_move: Some(waiting) }, json);
    }
    // A plan that is carried out at the same time would send a second time what SQS has moved.
    let store = database.open(CONNECTIONS).await?;
    let Some(_lock) = store.lock_redrive(unit).await? else {
        return Err(JobError::Guarded(format!("another process redrives or drops letters of {unit}")));
    };
    letters.start_move(&source, Some(rate)).await.map_err(|error| refused(&error))?;
    loop {
        let task = letters.newest_move().await.map_err(|error| refused(&error))?;
        let task =
            task.ok_or_else(|| JobError::Failed(String::from("SQS does not know the task that it started")))?;
        if task.status == "RUNNING" {
            eprintln!("moved {} of {}", task.moved, task.to_move.unwrap_or_default());
            tokio::select! {
                () = stop.cancelled() => {
                    return Err(JobError::Stopped(String::from("stopped looking; SQS goes on moving")));
                }
                () = tokio::time::sleep(LOOK_INTERVAL) => continue,
            }
        }
        let (moved, to_move) = (task.moved, task.to_move);
        print(&Moved { unit: unit.to_owned(), status: task.status.clone(), moved, to_move }, json)?;
        return match task.status.as_str() {
            "COMPLETED" => Ok(()),
            status => {
                let why = task.failure.unwrap_or_default();
                Err(JobError::Failed(format!("the task of SQS ended as {status} {why}")))
            }
        };
    }
}

#[derive(Serialize)]
struct Moved {
    unit: String,
    status: String,
    moved: i64,
    to_move: Option<i64>,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, status, moved, to_move } = self;
        let all = to_move.map_or(String::from("?"), |all| all.to_string());
        match status.as_str() {
            "NOT STARTED" => writeln!(
                f,
                "nothing was moved; {all} dead letter(s) of {unit} would be. To move them: coppice dlq move-all {unit} --yes"
            ),
            _ => writeln!(f, "{moved} of {all} dead letter(s) of {unit} moved back: {status}"),
        }
    }
}
