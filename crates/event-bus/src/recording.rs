//! A bus in memory that keeps every entry, and has injectable faults. As EventBridge does, it accepts events for a bus that
//! does not exist, and loses them. Delivery is not modelled: a test hands [`RecordingBus::envelopes`] to the next queue as
//! often and in whatever order it likes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::bus::{CALL_LIMIT, Publication};
use crate::{BusEntry, BusError, EntryError, EventBus};

/// How a whole call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// EventBridge throttles: none of the entries is on the bus.
    Throttled,
    /// The reply is lost: the entries are on the bus, and the caller cannot know.
    ReplyLost,
    /// These credentials may not use it.
    AccessDenied,
}

/// A bus that records. Clones are handles of the same bus.
#[derive(Clone, Default)]
pub struct RecordingBus {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    missing: bool,
    published: Vec<(Uuid, OffsetDateTime, BusEntry)>,
    calls: u64,
    failing_calls: VecDeque<CallFailure>,
    failing_entries: BTreeMap<usize, EntryError>,
}

impl RecordingBus {
    /// A bus that does not exist: it accepts everything and keeps nothing, and [`EventBus::verify`] says so.
    pub fn missing() -> Self {
        let bus = Self::default();
        bus.state().missing = true;
        bus
    }

    /// What it has, in order.
    pub fn published(&self) -> Vec<BusEntry> {
        self.state().published.iter().map(|(_, _, entry)| entry.clone()).collect()
    }

    /// The same as a rule hands it to a queue: the event's JSON.
    pub fn envelopes(&self) -> Vec<String> {
        self.state().published.iter().map(|(id, time, entry)| envelope(*id, *time, entry)).collect()
    }

    /// How many calls of `PutEvents` were made: one for ten entries.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// In the next call, the entries at these positions fail and are not published.
    pub fn fail_next_entries(&self, positions: impl IntoIterator<Item = usize>, error: &EntryError) {
        let positions = positions.into_iter().map(|position| (position, error.clone()));
        self.state().failing_entries.extend(positions);
    }

    /// The next `count` calls of `PutEvents` fail.
    pub fn fail_next_calls(&self, count: usize, failure: CallFailure) {
        self.state().failing_calls.extend(std::iter::repeat_n(failure, count));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock leaves a usable bus.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        let operation = "PutEvents";
        let unavailable = |code: &str| BusError::Unavailable { operation, code: code.to_owned() };
        self.calls += 1;
        match self.failing_calls.pop_front() {
            Some(CallFailure::Throttled) => Err(unavailable("ThrottlingException")),
            Some(CallFailure::AccessDenied) => {
                Err(BusError::Refused { operation, code: "AccessDeniedException".to_owned() })
            }
            Some(CallFailure::ReplyLost) => {
                self.record_all(entries);
                Err(unavailable("timeout"))
            }
            None => Ok(self.record_all(entries)),
        }
    }

    fn record_all(&mut self, entries: &[BusEntry]) -> Vec<Result<(), EntryError>> {
        let mut failing = std::mem::take(&mut self.failing_entries);
        let record = |(position, entry)| failing.remove(&position).map_or_else(|| self.record(entry), Err);
        entries.iter().enumerate().map(record).collect()
    }

    fn record(&mut self, entry: &BusEntry) -> Result<(), EntryError> {
        // AWS keeps these sources to itself.
        if entry.source().starts_with("aws.") {
            return Err(EntryError::Refused { code: "NotAuthorizedForSourceException".to_owned() });
        }
        if !self.missing {
            self.published.push((Uuid::now_v7(), OffsetDateTime::now_utc(), entry.clone()));
        }
        Ok(())
    }
}

fn envelope(id: Uuid, time: OffsetDateTime, entry: &BusEntry) -> String {
    // <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
    let detail: serde_json::Value = serde_json::from_str(entry.detail()).unwrap_or_default();
    let time = time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default();
    json!({
        "version": "0", "id": id, "detail-type": entry.detail_type(), "source": entry.source(),
        "account": "000000000000", "time": time, "region": "us-east-1", "resources": [], "detail": detail,
    })
    .to_string()
}

impl EventBus for RecordingBus {
    async fn publish(&self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        let mut publication = Publication::of(entries);
        for call in entries.chunks(CALL_LIMIT) {
            if publication.add(self.state().put(call))?.is_break() {
                break;
            }
        }
        Ok(publication.results())
    }

    async fn verify(&self) -> Result<(), BusError> {
        let missing = BusError::Missing { bus: "missing".to_owned() };
        if self.state().missing { Err(missing) } else { Ok(()) }
    }
}
