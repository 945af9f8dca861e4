//! The state of the tenant. One lock protects all of it: a simulator may be slow, but must be correct.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::event_feed::FeedEntry;
use super::fault::Fault;
use super::rate_limit::RateLimit;
use super::user::SimulatedUser;
use crate::simulators::gate::Shared;
use crate::simulators::listing_fault::Listing;

/// The records and the counters of the tenant.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) users: BTreeMap<String, Record>,
    /// IDs of the existing users, in the order of their creation.
    pub(crate) by_creation: BTreeSet<(OffsetDateTime, String)>,
    /// All changes, for the stream of events.
    pub(crate) feed: Vec<FeedEntry>,
    pub(crate) listing: Listing,
    /// The last page of a listing.
    pub(crate) last_page: Option<Value>,
    /// Log entries of sign-ins, by `log_id`.
    pub(crate) logs: HashMap<String, Value>,
    pub(crate) tokens: HashMap<String, Instant>,
    pub(crate) token_life: Duration,
    pub(crate) fault: Fault,
    pub(crate) statuses: HashMap<String, u16>,
    pub(crate) gates: HashMap<String, Arc<Shared>>,
    pub(crate) rate_limit: RateLimit,
    pub(crate) counts: Counts,
    last_change_at: OffsetDateTime,
}

/// A user now, and its state one change ago.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) current: Option<SimulatedUser>,
    pub(crate) previous: Option<SimulatedUser>,
}

/// Requests so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) by_id: HashMap<String, usize>,
    pub(crate) total: usize,
    /// When each of them came.
    pub(crate) times: Vec<std::time::Instant>,
    pub(crate) tokens: usize,
    pub(crate) pings: usize,
    pub(crate) searches: usize,
    pub(crate) logs: usize,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            users: BTreeMap::new(),
            by_creation: BTreeSet::new(),
            feed: Vec::new(),
            listing: Listing::default(),
            last_page: None,
            logs: HashMap::new(),
            tokens: HashMap::new(),
            token_life: Duration::from_secs(86_400),
            fault: Fault::None,
            statuses: HashMap::new(),
            gates: HashMap::new(),
            rate_limit: RateLimit::default(),
            counts: Counts::default(),
            last_change_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// The time of a change: now, in whole milliseconds, and at least one after the change before it.
    pub(crate) fn next_change_at(&mut self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        let millis = now.replace_nanosecond(u32::from(now.millisecond()) * 1_000_000).unwrap_or(now);
        self.last_change_at = millis.max(self.last_change_at + time::Duration::milliseconds(1));
        self.last_change_at
    }

    /// The user as the tenant answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedUser> {
        let record = self.users.get(id)?;
        if self.fault == Fault::Stale { record.previous.as_ref() } else { record.current.as_ref() }
    }
}
