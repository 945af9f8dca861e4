//! The command `check-alarms`: checks that each alarm of the stack would fire and notify. Writes nothing.

use std::fmt;

use job_process::{JobError, age, print};
use serde::Serialize;
use time::OffsetDateTime;

use crate::alarm::{AlarmFacts, State, faults, is_of_another_stack, silence};
use crate::clients::Clients;
use crate::cloud::Cloud;
use crate::failure::CloudError;
use crate::unit::{Unit, topic};

// An alarm that has not fired for so long is not known to work.
const LONGEST_SILENCE_SECS: f64 = 90.0 * 86_400.0;

// Alarms on the metrics of `heartbeat`. If one is missing, no alarm would notice that the heartbeats stop.
const WATCHERS: [&str; 6] = [
    "heartbeat-late",
    "drill-overdue",
    "breaker-open",
    "outbox-age",
    "ingress-outbox-age",
    "partner-source-inactive",
];

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct AlarmReport {
    alarms: Vec<CheckedAlarm>,
}

#[derive(Debug, Serialize)]
struct CheckedAlarm {
    alarm: String,
    /// The DLQ that it watches, if it watches one.
    queue: Option<String>,
    /// How long ago it last fired, for an alarm on a DLQ.
    fired_secs_ago: Option<f64>,
    faults: Vec<String>,
}

pub(crate) async fn run(json: bool) -> Result<(), JobError> {
    let Clients { store, cloud } = Clients::find().await?;
    let drilled = store.fire_drill_ages().await?;
    let mut all = cloud.all_alarms().await?;
    all.retain(|alarm| !is_of_another_stack(alarm, &cloud.prefix));
    let mut alarms = Vec::new();
    for unit in Unit::all() {
        let drilled = drilled.get(unit.name).copied();
        alarms.push(check_dlq_alarm(&cloud, unit, &all, drilled).await?);
    }
    let topic = topic(&cloud.prefix);
    let is_checked = |name: &str, alarms: &[CheckedAlarm]| alarms.iter().any(|alarm| alarm.alarm == name);
    for name in WATCHERS.map(|watcher| format!("{}-{watcher}", cloud.prefix)) {
        if !all.iter().any(|alarm| alarm.name == name) {
            alarms.push(CheckedAlarm::new(name, vec![MISSING.to_owned()]));
        }
    }
    for alarm in &all {
        if let Some(fault) = silence(alarm, &topic).filter(|_| !is_checked(&alarm.name, &alarms)) {
            alarms.push(CheckedAlarm::new(alarm.name.clone(), vec![fault]));
        }
    }
    let sound = alarms.iter().all(|alarm| alarm.faults.is_empty());
    print(&AlarmReport { alarms }, json)?;
    if sound { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

const MISSING: &str = "does not exist: deploy the template";

impl CheckedAlarm {
    const fn new(alarm: String, faults: Vec<String>) -> Self {
        Self { alarm, queue: None, fired_secs_ago: None, faults }
    }
}

async fn check_dlq_alarm(
    cloud: &Cloud,
    unit: Unit,
    all: &[AlarmFacts],
    drilled_secs_ago: Option<f64>,
) -> Result<CheckedAlarm, CloudError> {
    let (name, queue) = (unit.alarm(&cloud.prefix), unit.dlq(&cloud.prefix));
    let Some(alarm) = all.iter().find(|alarm| alarm.name == name) else {
        return Ok(CheckedAlarm { queue: Some(queue), ..CheckedAlarm::new(name, vec![MISSING.to_owned()]) });
    };
    let mut found = faults(alarm, &queue, &topic(&cloud.prefix));
    if alarm.state == State::InsufficientData {
        found.push(String::from(
            "it has no data, because the queue was not used for hours: check that `fire-drill heartbeat` runs",
        ));
    }
    // CloudWatch forgets after a month; our table of drills does not.
    let fired_at = cloud.alarm_last_fired(&name).await?;
    let fired_secs_ago = fired_at.map(|at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0));
    let seen_secs_ago = [drilled_secs_ago, fired_secs_ago].into_iter().flatten().reduce(f64::min);
    if seen_secs_ago.is_none_or(|secs| secs > LONGEST_SILENCE_SECS) {
        found.push(format!("it has not fired for 90 days: run `fire-drill run --unit {}`", unit.name));
    }
    Ok(CheckedAlarm { alarm: name, queue: Some(queue), fired_secs_ago: seen_secs_ago, faults: found })
}

impl fmt::Display for AlarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CheckedAlarm { alarm, fired_secs_ago, faults, .. } in &self.alarms {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a lifetime")]
            let fired =
                fired_secs_ago.map_or(String::new(), |secs| format!(", last fired {} ago", age(secs as i64)));
            writeln!(f, "{alarm:<48} {}{fired}", if faults.is_empty() { "sound" } else { "FAULTY" })?;
            for fault in faults {
                writeln!(f, "    {fault}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_on_a_heartbeat_metric_is_in_the_template() {
        let example = config::Config::parse(include_str!("../../../deploy/cloudformation/coppice.toml"));
        let model = topology::Model::of(&example.unwrap()).unwrap();
        for name in WATCHERS {
            assert!(model.alarms.iter().any(|alarm| alarm.name == *name), "{name}");
        }
    }
}
