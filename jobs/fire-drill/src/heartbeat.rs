//! The command `heartbeat`: one event through every route, and a look at everything that would otherwise be silent.

mod report;

use std::time::{Duration, Instant};

use event_bus::{BusEntry, EventBus};
use event_contract::{HEARTBEAT, Heartbeat};
use job_process::{JobError, print};
use postgres_store::{OutboxDepth, UnitHeartbeat};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arguments::HeartbeatArguments;
use crate::clients::Clients;
use crate::drill::{Drills, Limits, Standing};
use crate::failure::StepError;
use crate::measures::{Measure, drill_ages, put_or_say};
use crate::unit::Unit;

use report::{DeadLetters, HeartbeatReport, OpenDrill, Route, Watched};

/// Between two looks for heartbeats that are on their way.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(
    arguments: &HeartbeatArguments,
    json: bool,
    stop: CancellationToken,
) -> Result<(), JobError> {
    let around = Clients::find().await?;
    let units = match arguments.units.as_slice() {
        [] => Unit::ALL.into_iter().filter(|unit| unit.has_worker()).collect(),
        chosen => chosen.to_vec(),
    };
    let (mut faults, mut unsent) = (Vec::new(), Vec::new());
    if !arguments.dry_run {
        unsent = send(&around, &units, &mut faults).await?;
        wait_for_all(&around, &units, arguments.wait_secs, &stop).await?;
        if stop.is_cancelled() {
            return Err(JobError::Stopped(String::from("stopped before anything was measured")));
        }
    }
    let routes = routes(around.store.read_unit_heartbeats().await?, &units, arguments.late_secs);
    let dead_letters = look_at_dead_letters(&around, &mut faults).await;
    let drills = if arguments.dry_run { Vec::new() } else { go_on(&around, &mut faults).await };
    let watched = watch(&around, &mut faults).await?;
    let report =
        HeartbeatReport { sent: !arguments.dry_run, unsent, routes, dead_letters, drills, watched, faults };
    if !arguments.dry_run {
        put_or_say(&around, &measures(&around, &report).await?).await;
    }
    print(&report, json)?;
    if report.is_healthy() { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

/// Sends a heartbeat to each unit, and answers the units to which it could not be sent.
async fn send(
    around: &Clients,
    units: &[Unit],
    faults: &mut Vec<String>,
) -> Result<Vec<&'static str>, StepError> {
    let names: Vec<String> = units.iter().map(|unit| unit.name.to_owned()).collect();
    let ids = around.store.begin_heartbeats(&names).await?;
    let entries: Vec<BusEntry> = units.iter().zip(&ids).filter_map(|(unit, id)| entry(*unit, *id)).collect();
    let results = match around.cloud.bus.publish(&entries).await {
        Ok(results) => results,
        Err(error) => {
            around.store.cancel_heartbeats(&ids).await?;
            return Err(error.into());
        }
    };
    let (mut unsent, mut cancelled) = (Vec::new(), Vec::new());
    for ((unit, id), result) in units.iter().zip(ids).zip(results) {
        if let Err(error) = result {
            faults.push(format!("heartbeat to {} could not be sent: {error}", unit.name));
            unsent.push(unit.name);
            cancelled.push(id);
        }
    }
    around.store.cancel_heartbeats(&cancelled).await?;
    Ok(unsent)
}

/// `None` cannot happen: a struct of a word and an ID is a small JSON object.
fn entry(unit: Unit, heartbeat: Uuid) -> Option<BusEntry> {
    let detail = serde_json::to_string(&Heartbeat { unit: unit.name.to_owned(), heartbeat }).ok()?;
    BusEntry::provider(unit.source(), HEARTBEAT, detail).ok()
}

/// Waits until all are seen, and no longer than `limit`: what comes later is seen by the next run.
async fn wait_for_all(
    around: &Clients,
    units: &[Unit],
    limit: Duration,
    stop: &CancellationToken,
) -> Result<(), StepError> {
    let give_up_at = Instant::now() + limit;
    loop {
        let heartbeats = around.store.read_unit_heartbeats().await?;
        let all_seen = heartbeats
            .iter()
            .filter(|heartbeat| is_of(heartbeat, units))
            .all(|heartbeat| heartbeat.waiting_secs <= 0.0);
        if all_seen || stop.is_cancelled() || Instant::now() >= give_up_at {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn is_of(heartbeat: &UnitHeartbeat, units: &[Unit]) -> bool {
    units.iter().any(|unit| unit.name == heartbeat.unit)
}

/// Heartbeats of units that nobody asked for, or that are no more, are left out.
fn routes(heartbeats: Vec<UnitHeartbeat>, units: &[Unit], late_after: Duration) -> Vec<Route> {
    let route = |UnitHeartbeat { unit, latency_secs, waiting_secs }| Route {
        late: waiting_secs > late_after.as_secs_f64(),
        unit,
        latency_secs,
        waiting_secs,
    };
    heartbeats.into_iter().filter(|heartbeat| is_of(heartbeat, units)).map(route).collect()
}

/// Asks each queue of dead letters, which also keeps CloudWatch looking at it: after six hours in which nobody has, its
/// metrics stop, and come back up to a quarter of an hour after a letter.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
async fn look_at_dead_letters(around: &Clients, faults: &mut Vec<String>) -> Vec<DeadLetters> {
    let mut all = Vec::new();
    for unit in Unit::ALL {
        let queue = unit.dead_letters(&around.cloud.prefix);
        match around.cloud.queue(&queue).await {
            Ok(Some(facts)) => all.push(DeadLetters { queue, visible: facts.visible }),
            Ok(None) => faults.push(format!("queue {queue} does not exist")),
            Err(error) => faults.push(format!("queue {queue} cannot be asked: {error}")),
        }
    }
    all
}

/// Takes open drills further, and removes what ended ones left.
async fn go_on(around: &Clients, faults: &mut Vec<String>) -> Vec<OpenDrill> {
    let drills = Drills { around, limits: Limits::OF_OTHERS };
    let mut open = Vec::new();
    for unit in Unit::ALL {
        match go_on_with(&drills, unit).await {
            Ok(drill) => open.extend(drill),
            Err(error) => faults.push(format!("drill of {} cannot be taken further: {error}", unit.name)),
        }
    }
    open
}

async fn go_on_with(drills: &Drills<'_>, unit: Unit) -> Result<Option<OpenDrill>, StepError> {
    drills.sweep(unit).await?;
    let Some(drill) = drills.around.store.read_open_fire_drill(unit.name).await? else { return Ok(None) };
    let (standing, failed) = match drills.step(unit, &drill).await? {
        Standing::Ended(Ok(())) => (String::from("passed"), false),
        Standing::Ended(Err(failure)) => (format!("failed at {}: {}", failure.hop, failure.reason), true),
        Standing::OnItsWayTo(hop) => (format!("on its way to {hop}"), false),
        Standing::Waits(what) => (format!("waits for {what}"), false),
        Standing::Hindered(reason) => (reason, false),
    };
    Ok(Some(OpenDrill { unit: unit.name, drill_id: drill.drill_id, standing, failed }))
}

/// What the database and the partner sources say that no metric of AWS does.
async fn watch(around: &Clients, faults: &mut Vec<String>) -> Result<Watched, StepError> {
    let age = |depth: OutboxDepth| {
        depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0))
    };
    let inactive = around.cloud.inactive_partner_sources().await;
    let inactive =
        inactive.map_err(|error| faults.push(format!("partner sources cannot be asked: {error}"))).ok();
    Ok(Watched {
        breaker_open_secs: around.store.longest_open_breaker().await?.as_secs_f64(),
        outbox_oldest_secs: age(around.store.outbox_depth().await?),
        ingress_outbox_oldest_secs: age(around.store.ingress_outbox_depth().await?),
        inactive_partner_sources: inactive,
    })
}

async fn measures(
    around: &Clients,
    report: &HeartbeatReport,
) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let mut measures = drill_ages(around).await?;
    for unit in Unit::ALL {
        let route = report.routes.iter().find(|route| route.unit == unit.name);
        let latency = route.and_then(|route| route.latency_secs);
        measures.extend(latency.map(|secs| ("coppice_heartbeat_latency_seconds", Some(unit.name), secs)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let count = |things: usize| things as f64;
    let Watched { breaker_open_secs, outbox_oldest_secs, ingress_outbox_oldest_secs, .. } = report.watched;
    // One that could not be sent will not come in time either.
    let late = report.routes.iter().filter(|route| route.late).count() + report.unsent.len();
    measures.extend([
        ("coppice_heartbeats_late", None, count(late)),
        ("coppice_breaker_open_seconds", None, breaker_open_secs),
        ("coppice_outbox_oldest_seconds", None, outbox_oldest_secs),
        ("coppice_ingress_outbox_oldest_seconds", None, ingress_outbox_oldest_secs),
    ]);
    // Without an answer there is no number, and the alarm takes that for a fault.
    let inactive = report.watched.inactive_partner_sources.as_ref();
    measures.extend(inactive.map(|all| ("coppice_partner_sources_inactive", None, count(all.len()))));
    Ok(measures)
}
