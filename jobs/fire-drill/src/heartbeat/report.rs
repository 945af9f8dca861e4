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
    /// How long the current one has been on its way.
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
            writeln!(f, "nothing was sent or measured; the current state:")?;
        }
        for Route { unit, latency_secs, waiting_secs, late } in &self.routes {
            write!(f, "{unit:<22} ")?;
            match latency_secs {
                Some(secs) => write!(f, "in {secs:.2} s")?,
                None => write!(f, "never arrived")?,
            }
            if *waiting_secs > 0.0 {
                write!(f, ", one on its way for {waiting_secs:.0} s{}", if *late { ": LATE" } else { "" })?;
            }
            writeln!(f)?;
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
