//! The command `heartbeat`: one event through every route, and the metrics that no other part sends. Out: latencies by unit,
//! DLQ depths, the ages of breakers and outboxes; all of it as metrics too. It also resumes drills that were left open.

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
use crate::measures::{Measure, drill_ages, send_or_log};
use crate::unit::Unit;

use report::{DlqDepth, HeartbeatReport, OpenDrill, Route, Watched};

const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(
    arguments: &HeartbeatArguments,
    json: bool,
    stop: CancellationToken,
) -> Result<(), JobError> {
    let clients = Clients::find().await?;
    let units = match arguments.units.as_slice() {
        [] => Unit::all().filter(|unit| unit.has_worker()).collect(),
        chosen => chosen.to_vec(),
    };
    let (mut faults, mut unsent) = (Vec::new(), Vec::new());
    if !arguments.dry_run {
        unsent = send(&clients, &units, &mut faults).await?;
        wait_for_all(&clients, &units, arguments.wait_secs, &stop).await?;
        if stop.is_cancelled() {
            return Err(JobError::Stopped(String::from("stopped before anything was measured")));
        }
    }
    let routes = routes(clients.store.read_unit_heartbeats().await?, &units, arguments.late_secs);
    let dlqs = read_dlqs(&clients, &mut faults).await;
    let drills = if arguments.dry_run { Vec::new() } else { resume_drills(&clients, &mut faults).await };
    let watched = watch(&clients, &mut faults).await?;
    let report = HeartbeatReport { sent: !arguments.dry_run, unsent, routes, dlqs, drills, watched, faults };
    if !arguments.dry_run {
        send_or_log(&clients, &measures(&clients, &report).await?).await;
    }
    print(&report, json)?;
    if report.is_healthy() { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

/// Sends a heartbeat to each unit, and returns the units to which it could not be sent.
async fn send(
    clients: &Clients,
    units: &[Unit],
    faults: &mut Vec<String>,
) -> Result<Vec<&'static str>, StepError> {
    let names: Vec<String> = units.iter().map(|unit| unit.name.to_owned()).collect();
    let ids = clients.store.begin_heartbeats(&names).await?;
    let entry = |(unit, heartbeat): (&Unit, &Uuid)| {
        unit.entry(HEARTBEAT, &Heartbeat { unit: unit.name.to_owned(), heartbeat: *heartbeat })
    };
    let entries: Vec<BusEntry> = units.iter().zip(&ids).filter_map(entry).collect();
    let results = match clients.cloud.bus.publish(&entries).await {
        Ok(results) => results,
        Err(error) => {
            clients.store.cancel_heartbeats(&ids).await?;
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
    clients.store.cancel_heartbeats(&cancelled).await?;
    Ok(unsent)
}

/// Waits until every heartbeat has arrived, at most for `limit`.
async fn wait_for_all(
    clients: &Clients,
    units: &[Unit],
    limit: Duration,
    stop: &CancellationToken,
) -> Result<(), StepError> {
    let deadline = Instant::now() + limit;
    loop {
        let heartbeats = clients.store.read_unit_heartbeats().await?;
        let all_seen = heartbeats
            .iter()
            .filter(|heartbeat| is_of(heartbeat, units))
            .all(|heartbeat| heartbeat.waiting_secs <= 0.0);
        // The next run sees the heartbeats that are still on their way.
        if all_seen || stop.is_cancelled() || Instant::now() >= deadline {
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

fn routes(heartbeats: Vec<UnitHeartbeat>, units: &[Unit], late_after: Duration) -> Vec<Route> {
    let route = |UnitHeartbeat { unit, latency_secs, waiting_secs }| Route {
        late: waiting_secs > late_after.as_secs_f64(),
        unit,
        latency_secs,
        waiting_secs,
    };
    // Leaves out heartbeats of units that were not chosen or no longer exist.
    heartbeats.into_iter().filter(|heartbeat| is_of(heartbeat, units)).map(route).collect()
}

/// Reads the depth of each DLQ.
async fn read_dlqs(clients: &Clients, faults: &mut Vec<String>) -> Vec<DlqDepth> {
    let mut all = Vec::new();
    for unit in Unit::all() {
        // The call also keeps the DLQ's metrics alive in CloudWatch: they stop after six hours without a call, and return up to
        // a quarter of an hour after a message.
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
        let queue = unit.dlq(&clients.cloud.prefix);
        match clients.cloud.queue(&queue).await {
            Ok(Some(facts)) => all.push(DlqDepth { queue, visible: facts.visible }),
            Ok(None) => faults.push(format!("queue {queue} does not exist")),
            Err(error) => faults.push(format!("queue {queue} cannot be read: {error}")),
        }
    }
    all
}

/// Resumes open drills, and removes messages of ended ones.
async fn resume_drills(clients: &Clients, faults: &mut Vec<String>) -> Vec<OpenDrill> {
    let drills = Drills { clients, limits: Limits::OF_OTHERS };
    let mut open = Vec::new();
    for unit in Unit::all() {
        match resume_drill(&drills, unit).await {
            Ok(drill) => open.extend(drill),
            Err(error) => faults.push(format!("drill of {} cannot be resumed: {error}", unit.name)),
        }
    }
    open
}

async fn resume_drill(drills: &Drills<'_>, unit: Unit) -> Result<Option<OpenDrill>, StepError> {
    drills.sweep(unit).await?;
    let Some(drill) = drills.clients.store.read_open_fire_drill(unit.name).await? else { return Ok(None) };
    let (standing, failed) = match drills.step(unit, &drill).await? {
        Standing::Ended(Ok(())) => (String::from("passed"), false),
        Standing::Ended(Err(failure)) => (format!("failed at {}: {}", failure.hop, failure.reason), true),
        Standing::WaitsForHop(hop) => (format!("on its way to {}", hop.name()), false),
        Standing::Waits(what) => (format!("waits for {what}"), false),
        Standing::Blocked(reason) => (reason, false),
    };
    Ok(Some(OpenDrill { unit: unit.name, drill_id: drill.drill_id, standing, failed }))
}

/// What no metric of AWS says: the ages of breakers and outboxes, and inactive partner sources.
async fn watch(clients: &Clients, faults: &mut Vec<String>) -> Result<Watched, StepError> {
    let age = |depth: OutboxDepth| {
        depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0))
    };
    let inactive = clients.cloud.inactive_partner_sources().await;
    let inactive =
        inactive.map_err(|error| faults.push(format!("partner sources cannot be read: {error}"))).ok();
    Ok(Watched {
        breaker_open_secs: clients.store.longest_open_breaker().await?.as_secs_f64(),
        outbox_oldest_secs: age(clients.store.outbox_depth().await?),
        ingress_outbox_oldest_secs: age(clients.store.ingress_outbox_depth().await?),
        inactive_partner_sources: inactive,
    })
}

async fn measures(
    clients: &Clients,
    report: &HeartbeatReport,
) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let mut measures = drill_ages(clients).await?;
    for unit in Unit::all() {
        let route = report.routes.iter().find(|route| route.unit == unit.name);
        let latency = route.and_then(|route| route.latency_secs);
        measures.extend(latency.map(|secs| ("coppice_heartbeat_latency_seconds", Some(unit.name), secs)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let count = |things: usize| things as f64;
    let Watched { breaker_open_secs, outbox_oldest_secs, ingress_outbox_oldest_secs, .. } = report.watched;
    // A heartbeat that could not be sent counts as late.
    let late = report.routes.iter().filter(|route| route.late).count() + report.unsent.len();
    measures.extend([
        ("coppice_heartbeats_late", None, count(late)),
        ("coppice_breaker_open_seconds", None, breaker_open_secs),
        ("coppice_outbox_oldest_seconds", None, outbox_oldest_secs),
        ("coppice_ingress_outbox_oldest_seconds", None, ingress_outbox_oldest_secs),
    ]);
    // Without an answer there is no value, and the alarm treats missing data as a fault.
    let inactive = report.watched.inactive_partner_sources.as_ref();
    measures.extend(inactive.map(|all| ("coppice_partner_sources_inactive", None, count(all.len()))));
    Ok(measures)
}
