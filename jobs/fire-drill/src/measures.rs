//! What the alarms of the template look at, besides AWS's own metrics.

use crate::clients::Clients;
use crate::report::{DrillReport, DrillResult};
use crate::unit::Unit;

/// A metric's name, the unit that it is about if it is about one, and its value.
pub(crate) type Measure = (&'static str, Option<&'static str>, f64);

/// The age of a drill that has never passed: ten years, so that every limit is over.
const NEVER_SECS: f64 = 10.0 * 365.0 * 86_400.0;

/// Puts them. A failure is said and no more: the alarms take missing data for the worst.
pub(crate) async fn put_or_say(around: &Clients, measures: &[Measure]) {
    if let Err(error) = around.cloud.put_measures(measures).await {
        tracing::error!(%error, "measures cannot be put: their alarms are blind");
    }
}

/// How long ago each unit's drill passed, and the longest of it.
pub(crate) async fn drill_ages(around: &Clients) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let ages = around.store.fire_drill_ages().await?;
    let age = |unit: &Unit| ages.get(unit.name).copied().unwrap_or(NEVER_SECS);
    let name = "coppice_fire_drill_age_seconds";
    let mut measures: Vec<Measure> =
        Unit::ALL.iter().map(|unit| (name, Some(unit.name), age(unit))).collect();
    measures.push((name, None, Unit::ALL.iter().map(age).fold(0.0, f64::max)));
    Ok(measures)
}

/// How the drills of a run ended and how long they took; and the ages, which those that passed have changed.
pub(crate) async fn of_drills(
    around: &Clients,
    report: &DrillReport,
) -> Result<Vec<Measure>, postgres_store::StoreError> {
    let mut measures = drill_ages(around).await?;
    for unit in &report.units {
        let passed = match unit.result_of_drill {
            DrillResult::Passed => 1.0,
            DrillResult::Failed => 0.0,
            DrillResult::Pending | DrillResult::NotDrilled => continue,
        };
        measures.push(("coppice_fire_drill_passed", Some(unit.unit), passed));
        measures.extend(unit.seconds().map(|secs| ("coppice_fire_drill_seconds", Some(unit.unit), secs)));
    }
    Ok(measures)
}
