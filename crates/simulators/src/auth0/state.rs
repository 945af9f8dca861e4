//! The state of the tenant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::events::ChangeKind;
use super::fault::Fault;
use super::user::SimulatedUser;
use crate::rate_limit::RateLimit;
use crate::record::Record;
use crate::requests::{Recorded, Requests};

/// The records and the counters of the tenant.
#[derive(Debug)]
pub struct State {
    pub(crate) users: BTreeMap<String, Record<SimulatedUser>>,
    /// IDs of the existing users, in the order of their creation.
    pub(crate) by_creation: BTreeSet<(OffsetDateTime, String)>,
    /// All changes, for the stream of events.
    pub(crate) feed: Vec<FeedEntry>,
    pub(crate) last_page: Option<Value>,
    pub(crate) logs: HashMap<String, Value>,
    pub(crate) tokens: HashMap<String, Instant>,
    pub(crate) token_life: Duration,
    pub(crate) rate_limit: RateLimit,
    pub(crate) requests: Requests<Fault>,
    /// When each request of the API came.
    pub(crate) times: Vec<std::time::Instant>,
    pub(crate) searches: usize,
    pub(crate) log_reads: usize,
    last_change_at: OffsetDateTime,
}

/// A change, as the feed keeps it.
#[derive(Debug, Clone)]
pub(crate) struct FeedEntry {
    pub(crate) kind: ChangeKind,
    pub(crate) user_id: String,
    pub(crate) at: OffsetDateTime,
}

impl Recorded for State {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            by_creation: BTreeSet::new(),
            feed: Vec::new(),
            last_page: None,
            logs: HashMap::new(),
            tokens: HashMap::new(),
            token_life: Duration::from_secs(86_400),
            rate_limit: RateLimit::default(),
            requests: Requests::default(),
            times: Vec::new(),
            searches: 0,
            log_reads: 0,
            last_change_at: OffsetDateTime::UNIX_EPOCH,
        }
    }
}

impl State {
    /// The time of a change: now, in whole milliseconds, and at least one after the change before it.
    pub(crate) fn next_change_at(&mut self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        let millis = now.replace_nanosecond(u32::from(now.millisecond()) * 1_000_000).unwrap_or(now);
        let at = millis.max(self.last_change_at + time::Duration::milliseconds(1));
        // A reader may take a time in whole seconds for an inexact one. One change in a thousand would have another effect.
        let is_whole_second = at.millisecond() == 0;
        self.last_change_at = at + time::Duration::milliseconds(i64::from(is_whole_second));
        self.last_change_at
    }

    /// The user as the tenant answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedUser> {
        self.users.get(id)?.visible(self.requests.fault == Fault::Stale)
    }
}
