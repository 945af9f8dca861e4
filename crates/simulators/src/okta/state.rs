//! The state of the organization.

use std::collections::{BTreeMap, HashMap, HashSet};

use axum::http::HeaderValue;
use serde_json::Value;
use time::OffsetDateTime;

use super::fault::Fault;
use super::service_app::ServiceApp;
use super::user::SimulatedUser;
use crate::rate_limit::RateLimit;
use crate::record::Record;
use crate::requests::{Recorded, Requests};

/// The records and the counters of the organization.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) users: BTreeMap<String, Record<SimulatedUser>>,
    /// All changes, for the log as a feed.
    pub(crate) feed: Vec<FeedEntry>,
    /// The last page of a listing: its next link, and what was on it.
    pub(crate) last_page: Option<(Option<HeaderValue>, Vec<Value>)>,
    pub(crate) log: HashMap<String, Value>,
    pub(crate) service_apps: HashMap<String, ServiceApp>,
    pub(crate) assertions: HashSet<String>,
    /// Tokens of service apps, with their scopes.
    pub(crate) tokens: HashMap<String, Vec<String>>,
    pub(crate) rate_limit: RateLimit,
    pub(crate) requests: Requests<Fault>,
    pub(crate) log_reads: usize,
    pub(crate) not_modified: usize,
    /// Versions so far: what entity tags are made of.
    pub(crate) versions: u64,
}

/// A change, as the log keeps it.
#[derive(Debug, Clone)]
pub(crate) struct FeedEntry {
    pub(crate) event_type: &'static str,
    pub(crate) user_id: String,
    pub(crate) at: OffsetDateTime,
}

impl Recorded for State {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl State {
    /// Makes `user` what is there now. Okta's `lastUpdated` has whole seconds, so two changes can have the same.
    pub(crate) fn store(&mut self, user: &mut SimulatedUser, now: OffsetDateTime) {
        self.versions += 1;
        user.version = self.versions;
        user.last_updated = now.replace_nanosecond(0).unwrap_or(now);
        self.users.entry(user.id.clone()).or_default().set(Some(user.clone()));
    }

    /// The user as the organization answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedUser> {
        self.users.get(id)?.visible(self.requests.fault == Fault::Stale)
    }
}
