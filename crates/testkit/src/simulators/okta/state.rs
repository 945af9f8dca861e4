//! The state of the organization. One lock protects all of it: a simulator may be slow, but must be correct.

use std::collections::{BTreeMap, HashMap, HashSet};

use axum::http::HeaderValue;
use serde_json::Value;
use time::OffsetDateTime;

use super::fault::Fault;
use super::log_feed::FeedEntry;
use super::service_app::ServiceApp;
use super::user::SimulatedUser;
use crate::simulators::auth0::rate_limit::RateLimit;
use crate::simulators::listing_fault::Listing;

/// The records and the counters of the organization.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) users: BTreeMap<String, Record>,
    /// All changes, for the log as a feed.
    pub(crate) feed: Vec<FeedEntry>,
    pub(crate) listing: Listing,
    /// The last page of a listing: its next link, and what was on it.
    pub(crate) last_page: Option<(Option<HeaderValue>, Vec<Value>)>,
    /// Log entries by `uuid`.
    pub(crate) log: HashMap<String, Value>,
    /// Apps by `client_id`.
    pub(crate) service_apps: HashMap<String, ServiceApp>,
    /// `jti` of the accepted assertions.
    pub(crate) assertions: HashSet<String>,
    /// Tokens of service apps, with their scopes.
    pub(crate) tokens: HashMap<String, Vec<String>>,
    pub(crate) fault: Fault,
    pub(crate) statuses: HashMap<String, u16>,
    pub(crate) rate_limit: RateLimit,
    pub(crate) counts: Counts,
    /// Versions so far: what entity tags are made of.
    pub(crate) versions: u64,
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
    pub(crate) pings: usize,
    pub(crate) log: usize,
    pub(crate) token_requests: usize,
    pub(crate) not_modified: usize,
}

impl State {
    /// Makes `user` what is there now. Okta's `lastUpdated` has whole seconds, so two changes can have the same.
    pub(crate) fn store(&mut self, user: &mut SimulatedUser, now: OffsetDateTime) {
        self.versions += 1;
        user.version = self.versions;
        user.last_updated = now.replace_nanosecond(0).unwrap_or(now);
        let record = self.users.entry(user.id.clone()).or_default();
        record.previous = record.current.replace(user.clone());
    }

    /// The user as the organization answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedUser> {
        let record = self.users.get(id)?;
        if self.fault == Fault::Stale { record.previous.as_ref() } else { record.current.as_ref() }
    }
}
