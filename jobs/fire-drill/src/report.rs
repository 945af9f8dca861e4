//! The report of `run`, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use job_process::instant;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::configuration::Fault;
use crate::hop::Hop;
use crate::unit::{Door, Unit};

/// The result of a unit's drill at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DrillResult {
    /// The event reached every hop.
    Passed,
    /// A hop was not reached.
    Failed,
    /// It has not ended yet.
    Pending,
    /// It could not start.
    NotDrilled,
}

impl DrillResult {
    const fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Pending => "pending",
            Self::NotDrilled => "not drilled",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct DrillReport {
    pub(crate) units: Vec<UnitReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct UnitReport {
    pub(crate) unit: &'static str,
    pub(crate) drill_id: Option<Uuid>,
    pub(crate) result: DrillResult,
    /// The hop that was not reached, or that the drill waits for.
    pub(crate) hop: Option<String>,
    /// Why, and what to do.
    pub(crate) reason: Option<String>,
    pub(crate) hops: Vec<ReachedHop>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReachedHop {
    pub(crate) hop: &'static str,
    pub(crate) reached_at: String,
    /// Since the event was sent.
    pub(crate) after_secs: f64,
}

impl UnitReport {
    pub(crate) fn of(
        unit: Unit,
        drill_id: Option<Uuid>,
        result: DrillResult,
        hop: Option<String>,
        reason: Option<String>,
        reached: &BTreeMap<String, OffsetDateTime>,
    ) -> Self {
        let put = reached.get(Hop::Put.name()).copied();
        let hops = Hop::TIMED.into_iter().filter_map(|hop| {
            let at = *reached.get(hop.name())?;
            let after_secs = put.map_or(0.0, |put| (at - put).as_seconds_f64());
            Some(ReachedHop { hop: hop.name(), reached_at: instant(at), after_secs })
        });
        Self { unit: unit.name, drill_id, result, hop, reason, hops: hops.collect() }
    }

    /// From the sending of the event to the notification.
    pub(crate) fn seconds(&self) -> Option<f64> {
        self.hops.iter().find(|hop| hop.hop == Hop::Notification.name()).map(|hop| hop.after_secs)
    }
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in &self.units {
            write!(f, "{:<22} {:<12}", unit.unit, unit.result.text())?;
            for hop in &unit.hops {
                write!(f, " {} {:.1} s", hop.hop, hop.after_secs)?;
            }
            writeln!(f)?;
            match (&unit.hop, &unit.reason) {
                (Some(hop), Some(reason)) => writeln!(f, "    at {hop}: {reason}")?,
                (None, Some(reason)) => writeln!(f, "    {reason}")?,
                (_, None) => {}
            }
        }
        Ok(())
    }
}

/// The report of `run --dry-run`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Plan {
    pub(crate) units: Vec<PlannedUnit>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PlannedUnit {
    unit: &'static str,
    /// Where its event would be sent.
    sent_to: String,
    pub(crate) faults: Vec<Fault>,
}

impl PlannedUnit {
    pub(crate) fn of(unit: Unit, prefix: &str, faults: Vec<Fault>) -> Self {
        let sent_to = match unit.door {
            Door::Bus { source, .. } => {
                format!("bus {prefix}, source {source}, rule {}", unit.rule(prefix).unwrap_or_default())
            }
            Door::Queue => format!("queue {}", unit.queue(prefix).unwrap_or_default()),
            Door::Dlq => format!("queue {}", unit.dlq(prefix)),
        };
        Self { unit: unit.name, sent_to, faults }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nothing was sent; these would be drilled:")?;
        for unit in &self.units {
            writeln!(f, "{:<22} to {}", unit.unit, unit.sent_to)?;
            for fault in &unit.faults {
                writeln!(f, "    would stop at {}: {}", fault.hop.name(), fault.reason)?;
            }
        }
        Ok(())
    }
}
