//! Checks that the process is live, and that it could keep a webhook safe.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_bus::{BusError, EventBus};
use telemetry::{Check, Health};
use tokio::sync::Mutex as AsyncMutex;

use crate::intake::Intake;

// The relay's limits for the database and the bus are together shorter.
const LONGEST_TURN: Duration = Duration::from_secs(120);

/// How long a result about readiness is valid, however often it is requested.
const READINESS_HOLDS: Duration = Duration::from_secs(5);

/// Longest that the bus or the database may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(6);

/// When the relay last turned. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Liveness(Arc<Mutex<Instant>>);

impl Default for Liveness {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Liveness {
    pub(crate) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn since(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

pub(crate) struct IngressHealth<B> {
    intake: Intake<B>,
    liveness: Liveness,
    last: AsyncMutex<Option<(Instant, Vec<Check>)>>,
}

impl<B: EventBus> IngressHealth<B> {
    pub(crate) fn new(intake: Intake<B>, liveness: Liveness) -> Self {
        Self { intake, liveness, last: AsyncMutex::new(None) }
    }

    async fn bus_or_database(&self) -> Check {
        let name = "bus_or_database";
        let bus = tokio::time::timeout(ANSWER_LIMIT, self.intake.look_for_bus());
        let store = tokio::time::timeout(ANSWER_LIMIT, self.intake.store.check_writable());
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
        let turn = self.liveness.since();
        let fault = (turn > LONGEST_TURN).then(|| format!("relay has not turned for {} s", turn.as_secs()));
        Check { name: "relay", fault }
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
