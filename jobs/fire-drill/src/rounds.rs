//! The command `run`: drills of several units at once, until each has ended or cannot go further in this run. Out: a report of
//! each unit, metrics, and the worst exit code of all units.

use std::time::{Duration, Instant};

use job_process::{JobError, print};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arguments::RunArguments;
use crate::clients::Clients;
use crate::configuration::check;
use crate::drill::{Drills, Limits, Standing};
use crate::failure::StepError;
use crate::hop::Hop;
use crate::measures;
use crate::report::{DrillReport, DrillResult, Plan, PlannedUnit, UnitReport};
use crate::unit::{Door, Unit};

// Alarms take a minute, workers a second.
const PAUSE: Duration = Duration::from_secs(2);

// Each hop has its own limit. This ends a run in which no step succeeds at all.
const GRACE: Duration = Duration::from_secs(60);

struct Runner {
    unit: Unit,
    drill: Option<Uuid>,
    standing: Result<Standing, String>,
}

pub(crate) async fn run(
    arguments: &RunArguments,
    json: bool,
    stop: CancellationToken,
) -> Result<(), JobError> {
    let clients = Clients::find().await?;
    let wanted = |unit: &Unit| arguments.units.is_empty() || arguments.units.contains(unit);
    let units: Vec<Unit> = Unit::all().filter(wanted).collect();
    if arguments.dry_run {
        return plan(&clients, &units, json).await;
    }
    let limits = Limits { worker: arguments.worker_wait_secs, alarm: arguments.alarm_wait_secs };
    let drills = Drills { clients: &clients, limits };
    let waits = Ok(Standing::Waits("its turn"));
    let mut runners: Vec<Runner> =
        units.into_iter().map(|unit| Runner { unit, drill: None, standing: waits.clone() }).collect();
    // The alarm of an earlier drill may have to end first; then come the alarm and its notification.
    let deadline = Instant::now() + limits.worker + 3 * limits.alarm + GRACE;
    loop {
        for runner in runners.iter_mut().filter(|runner| !runner.is_at_rest()) {
            runner.advance(&drills).await;
        }
        if stop.is_cancelled() || Instant::now() >= deadline || runners.iter().all(Runner::is_at_rest) {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => {}
        }
    }
    end(&clients, runners, json, stop.is_cancelled()).await
}

impl Runner {
    async fn advance(&mut self, drills: &Drills<'_>) {
        let standing = self.step(drills).await;
        // A failed call says nothing about the drill: the next step may succeed.
        self.standing = standing.map_err(|error| {
            tracing::warn!(unit = self.unit.name, %error, "step of a drill failed, will be retried");
            error.to_string()
        });
    }

    async fn step(&mut self, drills: &Drills<'_>) -> Result<Standing, StepError> {
        let drill = match self.drill {
            Some(drill) => drill,
            None => match drills.begin(self.unit).await? {
                Ok(drill) => *self.drill.insert(drill),
                Err(standing) => return Ok(standing),
            },
        };
        match drills.clients.store.read_fire_drill(drill).await? {
            Some(drill) => drills.step(self.unit, &drill).await,
            None => Ok(Standing::Blocked(String::from("its row is gone from the database"))),
        }
    }

    /// Whether this run has nothing more to wait for.
    fn is_at_rest(&self) -> bool {
        match &self.standing {
            Ok(Standing::Ended(_) | Standing::Blocked(_)) => true,
            // The run does not wait for a scheduled job: a heartbeat sees that end.
            Ok(Standing::WaitsForHop(Hop::Worker)) => self.unit.door == Door::Queue,
            Ok(Standing::WaitsForHop(_) | Standing::Waits(_)) | Err(_) => false,
        }
    }

    fn result(&self) -> (DrillResult, Option<String>, Option<String>) {
        match &self.standing {
            Ok(Standing::Ended(Ok(()))) => (DrillResult::Passed, None, None),
            Ok(Standing::Ended(Err(failure))) => {
                (DrillResult::Failed, Some(failure.hop.clone()), Some(failure.reason.clone()))
            }
            Ok(Standing::Blocked(reason)) => (DrillResult::NotDrilled, None, Some(reason.clone())),
            Ok(Standing::Waits(what)) => (DrillResult::NotDrilled, None, Some(format!("waited for {what}"))),
            Ok(Standing::WaitsForHop(hop)) => {
                let drained = if self.is_at_rest() { "a scheduled job drains its queue; " } else { "" };
                let reason = format!("{drained}a heartbeat will see the end");
                (DrillResult::Pending, Some(hop.name().to_owned()), Some(reason))
            }
            Err(error) => (DrillResult::Pending, None, Some(format!("its state cannot be read: {error}"))),
        }
    }
}

/// Prints the report, sends the metrics, and ends with the worst result of the units.
async fn end(clients: &Clients, runners: Vec<Runner>, json: bool, stopped: bool) -> Result<(), JobError> {
    let mut units = Vec::new();
    for runner in &runners {
        let hops = match runner.drill {
            Some(drill) => clients.store.read_fire_drill(drill).await?.map(|drill| drill.hops),
            None => None,
        };
        let (result, hop, reason) = runner.result();
        let hops = hops.unwrap_or_default();
        units.push(UnitReport::of(runner.unit, runner.drill, result, hop, reason, &hops));
    }
    let report = DrillReport { units };
    measures::send_or_log(clients, &measures::of_drills(clients, &report).await?).await;
    print(&report, json)?;
    let any = |result: DrillResult| report.units.iter().any(|unit| unit.result == result);
    let left_open = runners.iter().any(|runner| !runner.is_at_rest());
    if any(DrillResult::Failed) {
        Err(JobError::Failed(String::new()))
    } else if stopped && left_open {
        Err(JobError::Stopped(String::from("stopped: heartbeats resume the open drills")))
    } else if any(DrillResult::NotDrilled) {
        Err(JobError::Guarded(String::from("some units were not drilled")))
    } else if left_open {
        Err(JobError::Failed(String::from("some drills have not ended")))
    } else {
        Ok(())
    }
}

/// Reports what would be sent, and the faults on its way.
async fn plan(clients: &Clients, units: &[Unit], json: bool) -> Result<(), JobError> {
    let mut planned = Vec::new();
    for unit in units {
        let faults = check(&clients.cloud, *unit).await?;
        planned.push(PlannedUnit::of(*unit, &clients.cloud.prefix, faults));
    }
    let broken = planned.iter().any(|unit| !unit.faults.is_empty());
    print(&Plan { units: planned }, json)?;
    if broken { Err(JobError::Failed(String::new())) } else { Ok(()) }
}
