//! The report of `heartbeat`, as text and as JSON.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize)]
pub(crate) struct HeartbeatReport {
    /// Whether heartbeats were sent. A dry run sends none.
    pub(crate) sent: bool,
    /// Units to which no heartbeat could be sent.
    pub(crate) unsent: Vec<&'static str>,
    pub(crate) routes: Vec<Route>,
    pub(crate) dlqs: Vec<DlqDepth>,
    pub(crate) drills: Vec<OpenDrill>,
    pub(crate) watched: Watched,
    pub(crate) faults: Vec<String>,
}

/// The way to a unit.
#[derive(Debug, Serialize)]
pub(crate) struct Route {
    pub(crate) unit: String,
    /// From the bus to the worker, of the last heartbeat that arrived.
    pub(crate) latency_secs: Option<f64>,
    /// How long the current one has waited: sent, and not arrived.
    pub(crate) waiting_secs: f64,
    pub(crate) late: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct DlqDepth {
    pub(crate) queue: String,
    pub(crate) visible: u64,
}

/// A drill that was open, and how far it is now.
#[derive(Debug, Serialize)]
pub(crate) struct OpenDrill {
    pub(crate) unit: &'static str,
    pub(crate) drill_id: Uuid,
    pub(crate) standing: String,
    pub(crate) failed: bool,
}

/// Other values that alarms watch.
#[derive(Debug, Serialize)]
pub(crate) struct Watched {
    pub(crate) breaker_open_secs: f64,
    pub(crate) outbox_oldest_secs: f64,
    pub(crate) ingress_outbox_oldest_secs: f64,
    /// `None`: they could not be read.
    pub(crate) inactive_partner_sources: Option<Vec<String>>,
}

impl HeartbeatReport {
    /// Whether every heartbeat arrived in time.
    pub(crate) fn is_healthy(&self) -> bool {
        // DLQs, breakers and outboxes have alarms of their own and do not count.
        self.faults.is_empty()
            && !self.routes.iter().any(|route| route.late)
            && !self.drills.iter().any(|drill| drill.failed)
    }
}

impl fmt::Display for HeartbeatReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.sent {
            writeln!(f, "nothing was sent; the numbers are from the last heartbeat of each unit:")?;
        }
        for Route { unit, latency_secs, waiting_secs, late } in &self.routes {
            write!(f, "{unit:<22} ")?;
            if *late {
                write!(f, "LATE: ")?;
            }
            let waits = *waiting_secs > 0.0;
            match latency_secs {
                Some(secs) if waits => writeln!(
                    f,
                    "a heartbeat has waited {waiting_secs:.0} s; the last one arrived in {secs:.2} s"
                )?,
                Some(secs) => writeln!(f, "arrived in {secs:.2} s")?,
                None if waits => {
                    writeln!(f, "a heartbeat has waited {waiting_secs:.0} s; none has arrived")?;
                }
                None => writeln!(f, "none has arrived")?,
            }
        }
        for DlqDepth { queue, visible } in self.dlqs.iter().filter(|queue| queue.visible > 0) {
            writeln!(f, "{visible} message(s) wait in {queue}")?;
        }
        for OpenDrill { unit, standing, .. } in &self.drills {
            writeln!(f, "drill of {unit}: {standing}")?;
        }
        let Watched { breaker_open_secs, outbox_oldest_secs, ingress_outbox_oldest_secs, .. } = self.watched;
        for (what, secs) in [
            ("a breaker has been open", breaker_open_secs),
            ("an announcement has waited", outbox_oldest_secs),
            ("a webhook's event has waited", ingress_outbox_oldest_secs),
        ] {
            if secs >= 1.0 {
                writeln!(f, "{what} for {secs:.0} s")?;
            }
        }
        for source in self.watched.inactive_partner_sources.iter().flatten() {
            writeln!(f, "partner source {source} is not active")?;
        }
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        Ok(())
    }
}
