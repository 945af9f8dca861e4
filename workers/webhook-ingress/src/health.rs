//! Checks that the process is live, and that it could keep a webhook safe.

use std::time::{Duration, Instant};

use event_bus::{BusError, EventBus};
use telemetry::{Check, Health};
use tokio::sync::Mutex;
use worker_process::{LONGEST_RELAY_TURN, Turns, check_database};

use crate::intake::Intake;

/// How long a result about readiness is valid, however often it is requested.
const READINESS_HOLDS: Duration = Duration::from_secs(5);

/// Longest that the bus or the database may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(6);

pub(crate) struct IngressHealth<B> {
    intake: Intake<B>,
    relay: Turns,
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl<B: EventBus> IngressHealth<B> {
    pub(crate) fn new(intake: Intake<B>, relay: Turns) -> Self {
        Self { intake, relay, last: Mutex::new(None) }
    }

    async fn bus_or_database(&self) -> Check {
        let name = "bus_or_database";
        let bus = tokio::time::timeout(ANSWER_LIMIT, self.intake.look_for_bus());
        let store = tokio::time::timeout(ANSWER_LIMIT, check_database(&self.intake.store));
        // One of the two is enough to keep webhooks safe, and no other pod could do more. But if the bus does not exist, only
        // an operator can create it, so that must be visible.
        let fault = match tokio::join!(bus, store) {
            (Ok(Err(error @ BusError::Missing { .. })), _) => Some(error.to_string()),
            (Ok(Ok(())), _) | (_, Ok(Ok(()))) => None,
            _ => Some("neither answers".to_owned()),
        };
        Check { name, fault }
    }
}

impl<B: EventBus> Health for IngressHealth<B> {
    fn live(&self) -> Check {
        Check { name: "relay", fault: self.relay.fault("relay", LONGEST_RELAY_TURN) }
    }

    async fn ready(&self) -> Vec<Check> {
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = &*last
            && at.elapsed() < READINESS_HOLDS
        {
            return checks.clone();
        }
        let checks = vec![self.bus_or_database().await];
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}
