//! The operations of a bus, and what they answer.

use std::future::Future;
use std::ops::ControlFlow;

use crate::BusEntry;

// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
pub(crate) const CALL_LIMIT: usize = 10;

/// Why a whole call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// There is no such bus.
    #[error("no bus {bus}")]
    Missing {
        /// Its name.
        bus: String,
    },
    /// These credentials may not use it, or the request is wrong: waiting does not help.
    #[error("bus refused {operation}: {code}")]
    Refused {
        /// The call, in EventBridge's words.
        operation: &'static str,
        /// EventBridge's error code.
        code: String,
    },
    /// Throttled, unreachable, timed out, or an error of the service: try again.
    #[error("EventBridge call {operation} failed: {code}")]
    Unavailable {
        /// The call, in EventBridge's words.
        operation: &'static str,
        /// EventBridge's error code, or what kind of failure the transport had.
        code: String,
    },
}

/// Why the bus does not have one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The entry is wrong or not allowed: sending it again does not help.
    #[error("event refused: {code}")]
    Refused {
        /// EventBridge's error code.
        code: String,
    },
    /// The service failed for this entry, or its fate is unknown: worth sending again.
    #[error("event failed: {code}")]
    Unavailable {
        /// EventBridge's error code.
        code: String,
    },
}

/// A bus of EventBridge. It delivers at least once, in any order.
pub trait EventBus: Send + Sync + 'static {
    /// Publishes any number of entries, ten in a call, and returns one result for each, in order. A call that fails ends it:
    /// its entries and those after it are failed, those before keep their results. Success does not prove that the bus exists.
    ///
    /// # Errors
    /// [`BusError`] when the first call failed: the bus has none of the entries, as far as is known.
    fn publish(
        &self,
        entries: &[BusEntry],
    ) -> impl Future<Output = Result<Vec<Result<(), EntryError>>, BusError>> + Send;

    /// Checks that the bus exists: at start-up and for readiness.
    ///
    /// # Errors
    /// [`BusError::Missing`] when it does not; others when that cannot be found out.
    fn verify(&self) -> impl Future<Output = Result<(), BusError>> + Send;
}

pub(crate) struct Publication {
    entries: usize,
    results: Vec<Result<(), EntryError>>,
}

impl Publication {
    pub(crate) fn of(entries: &[BusEntry]) -> Self {
        Self { entries: entries.len(), results: Vec::with_capacity(entries.len()) }
    }

    pub(crate) fn add(
        &mut self,
        reply: Result<Vec<Result<(), EntryError>>, BusError>,
    ) -> Result<ControlFlow<()>, BusError> {
        match reply {
            Ok(results) => {
                self.results.extend(results);
                Ok(ControlFlow::Continue(()))
            }
            Err(error) if self.results.is_empty() => Err(error),
            Err(error) => {
                self.results.resize(self.entries, Err(of_each_entry(error)));
                Ok(ControlFlow::Break(()))
            }
        }
    }

    pub(crate) fn results(self) -> Vec<Result<(), EntryError>> {
        self.results
    }
}

fn of_each_entry(error: BusError) -> EntryError {
    match error {
        BusError::Missing { .. } => EntryError::Unavailable { code: "bus is missing".to_owned() },
        BusError::Refused { code, .. } => EntryError::Refused { code },
        BusError::Unavailable { code, .. } => EntryError::Unavailable { code },
    }
}
