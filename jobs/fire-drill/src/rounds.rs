//! The command `run`: drills of several units, side by side, until each is at rest.

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

/// Between two looks: alarms take a minute, workers a second.
const PAUSE: Duration = Duration::from_secs(2);

/// Each step of a unit's drill has its own limit; this ends a run whose steps cannot be taken at all.
const GRACE: Duration = Duration::from_secs(60);

/// One unit in a run.
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
    let around = Clients::find().await?;
    let wanted = |unit: &Unit| arguments.units.is_empty() || arguments.units.contains(unit);
    let units: Vec<Unit> = Unit::ALL.into_iter().filter(wanted).collect();
    if arguments.dry_run {
        return plan(&around, &units, json).await;
    }
    let limits = Limits { worker: arguments.worker_wait_secs, alarm: arguments.alarm_wait_secs };
    let drills = Drills { around: &around, limits };
    let waits = Ok(Standing::Waits("its turn"));
    let mut runners: Vec<Runner> =
        units.into_iter().map(|unit| Runner { unit, drill: None, standing: waits.clone() }).collect();
    // The alarm of an earlier drill may have to go off first, then come the alarm and its notification.
    let give_up_at = Instant::now() + limits.worker + 3 * limits.alarm + GRACE;
    loop {
        for runner in runners.iter_mut().filter(|runner| !runner.is_at_rest()) {
            runner.look(&drills).await;
        }
        if stop.is_cancelled() || Instant::now() >= give_up_at || runners.iter().all(Runner::is_at_rest) {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => {}
        }
    }
    end(&around, runners, json, stop.is_cancelled()).await
}

impl Runner {
    async fn look(&mut self, drills: &Drills<'_>) {
        let standing = self.step(drills).await;
        // A passing failure is no verdict: the next look may succeed.
        self.standing = standing.map_err(|error| {
            tracing::warn!(unit = self.unit.name, %error, "step of a drill failed, to be tried again");
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
        match drills.around.store.read_fire_drill(drill).await? {
            Some(drill) => drills.step(self.unit, &drill).await,
            None => Ok(Standing::Hindered(String::from("its row is gone from the database"))),
        }
    }

    /// Whether this run has nothing more to wait for. A scheduled job is not waited for: a heartbeat sees the end.
    fn is_at_rest(&self) -> bool {
        match &self.standing {
            Ok(Standing::Ended(_) | Standing::Hindered(_)) => true,
            Ok(Standing::OnItsWayTo(Hop::Worker)) => self.unit.door == Door::Queue,
            Ok(Standing::OnItsWayTo(_) | Standing::Waits(_)) | Err(_) => false,
        }
    }

    fn result_of_drill(&self) -> (DrillResult, Option<String>, Option<String>) {
        match &self.standing {
            Ok(Standing::Ended(Ok(()))) => (DrillResult::Passed, None, None),
            Ok(Standing::Ended(Err(failure))) => {
                (DrillResult::Failed, Some(failure.hop.clone()), Some(failure.reason.clone()))
            }
            Ok(Standing::Hindered(reason)) => (DrillResult::NotDrilled, None, Some(reason.clone())),
            Ok(Standing::Waits(what)) => (DrillResult::NotDrilled, None, Some(format!("waited for {what}"))),
            Ok(Standing::OnItsWayTo(hop)) if self.is_at_rest() => (
                DrillResult::Pending,
                Some(hop.name().to_owned()),
                Some(String::from("its queue is drained by a scheduled job; heartbeats watch for the end")),
            ),
            Ok(Standing::OnItsWayTo(hop)) => (
                DrillResult::Pending,
                Some(hop.name().to_owned()),
                Some(String::from("heartbeats watch for the end")),
            ),
            Err(error) => (DrillResult::Pending, None, Some(format!("cannot be looked at: {error}"))),
        }
    }
}

/// Reports, measures, and ends as badly as the worst of the units.
async fn end(around: &Clients, runners: Vec<Runner>, json: bool, stopped: bool) -> Result<(), JobError> {
    let mut units = Vec::new();
    for runner in &runners {
        let hops = match runner.drill {
            Some(drill) => around.store.read_fire_drill(drill).await?.map(|drill| drill.hops),
            None => None,
        };
        let (result_of_drill, hop, reason) = runner.result_of_drill();
        let hops = hops.unwrap_or_default();
        units.push(UnitReport::of(runner.unit, runner.drill, result_of_drill, hop, reason, &hops));
    }
    let report = DrillReport { units };
    measures::put_or_say(around, &measures::of_drills(around, &report).await?).await;
    print(&report, json)?;
    let any = |result_of_drill: DrillResult| {
        report.units.iter().any(|unit| unit.result_of_drill == result_of_drill)
    };
    let left_open = runners.iter().any(|runner| !runner.is_at_rest());
    if any(DrillResult::Failed) {
        Err(JobError::Failed(String::new()))
    } else if stopped && left_open {
        Err(JobError::Stopped(String::from("stopped: heartbeats go on with what is open")))
    } else if any(DrillResult::NotDrilled) {
        Err(JobError::Guarded(String::from("some units were not drilled")))
    } else if left_open {
        Err(JobError::Failed(String::from("some drills have not come to an end")))
    } else {
        Ok(())
    }
}

/// What would be done, and whether it could go its way.
async fn plan(around: &Clients, units: &[Unit], json: bool) -> Result<(), JobError> {
    let mut planned = Vec::new();
    for unit in units {
        let faults = check(&around.cloud, *unit).await?;
        planned.push(PlannedUnit::of(*unit, &around.cloud.prefix, faults));
    }
    let broken = planned.iter().any(|unit| !unit.faults.is_empty());
    print(&Plan { units: planned }, json)?;
    if broken { Err(JobError::Failed(String::new())) } else { Ok(()) }
}
