//! Our own metrics in CloudWatch, which alarms of the template watch.

use crate::clients::Clients;
use crate::report::{DrillReport, DrillResult};
use crate::unit::Unit;

/// A metric's name, the unit that it is about if it is about one, and its value.
pub(crate) type Measure = (&'static str, Option<&'static str>, f64);

// The age of a drill that has never passed: ten years, above every limit.
const NEVER_SECS: f64 = 10.0 * 365.0 * 86_400.0;

pub(crate) async fn send_or_log(clients: &Clients, measures: &[Measure]) {
    if let Err(error) = clients.cloud.put_measures(measures).await {
        // Only logged: the alarms treat missing data as a fault.
        tracing::error!(%error, "metrics cannot be sent, their alarms have no data");
    }
}

/// How long ago each unit's drill passed, and the longest of these times.
pub(crate) async fn drill_ages(clients: &Clients) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let ages = clients.store.fire_drill_ages().await?;
    let age = |unit: Unit| ages.get(unit.name).copied().unwrap_or(NEVER_SECS);
    let name = "coppice_fire_drill_age_seconds";
    let mut measures: Vec<Measure> = Unit::all().map(|unit| (name, Some(unit.name), age(unit))).collect();
    measures.push((name, None, Unit::all().map(age).fold(0.0, f64::max)));
    Ok(measures)
}

/// How the drills of a run ended and how long they took, and the new ages.
pub(crate) async fn of_drills(
    clients: &Clients,
    report: &DrillReport,
) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let mut measures = drill_ages(clients).await?;
    for unit in &report.units {
        let passed = match unit.result {
            DrillResult::Passed => 1.0,
            DrillResult::Failed => 0.0,
            DrillResult::Pending | DrillResult::NotDrilled => continue,
        };
        measures.push(("coppice_fire_drill_passed", Some(unit.unit), passed));
        measures.extend(unit.seconds().map(|secs| ("coppice_fire_drill_seconds", Some(unit.unit), secs)));
    }
    Ok(measures)
}
