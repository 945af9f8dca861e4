//! The state of the tenant.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use time::OffsetDateTime;

use super::application::Application;
use super::delta::{FeedEntry, Round};
use super::fault::{Fault, TokenEnd};
use super::subscription::{Notification, Subscription};
use super::user::SimulatedUser;
use crate::rate_limit::RateLimit;
use crate::record::Record;
use crate::requests::{Recorded, Requests};

/// The records and the counters of the tenant.
#[derive(Debug)]
pub struct State {
    pub(crate) users: BTreeMap<String, Record<SimulatedUser>>,
    /// Users that were deleted and may be restored, and when that was.
    pub(crate) deleted: BTreeMap<String, (SimulatedUser, OffsetDateTime)>,
    /// All changes, for the delta query.
    pub(crate) feed: Vec<FeedEntry>,
    /// Where a token of the delta query leads.
    pub(crate) rounds: HashMap<String, Round>,
    /// Tokens that are no longer known, and how they are refused.
    pub(crate) ended: HashMap<String, TokenEnd>,
    /// Items on a page of the delta query.
    pub(crate) delta_page: usize,
    /// The delta query begins each round with an empty page, and repeats an item of the page before.
    pub(crate) delta_repeats: bool,
    /// The host of the links in pages, if it is another.
    pub(crate) link_host: Option<String>,
    /// The last page of a listing.
    pub(crate) last_page: Option<Value>,
    pub(crate) applications: HashMap<String, Application>,
    /// Other URLs under which applications may ask for tokens of this Graph.
    pub(crate) resources: HashSet<String>,
    pub(crate) assertions: HashSet<String>,
    /// Tokens, with the app roles of their applications.
    pub(crate) tokens: HashMap<String, Vec<String>>,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    pub(crate) pending: Vec<Notification>,
    pub(crate) sign_ins: HashMap<String, Value>,
    pub(crate) rate_limit: RateLimit,
    /// Whether a 429 says how long to wait.
    pub(crate) says_retry_after: bool,
    pub(crate) requests: Requests<Fault>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            deleted: BTreeMap::new(),
            feed: Vec::new(),
            rounds: HashMap::new(),
            ended: HashMap::new(),
            delta_page: 100,
            delta_repeats: false,
            link_host: None,
            last_page: None,
            applications: HashMap::new(),
            resources: HashSet::new(),
            assertions: HashSet::new(),
            tokens: HashMap::new(),
            subscriptions: BTreeMap::new(),
            pending: Vec::new(),
            sign_ins: HashMap::new(),
            rate_limit: RateLimit::default(),
            says_retry_after: true,
            requests: Requests::default(),
        }
    }
}

impl Recorded for State {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl State {
    /// The user as the tenant answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedUser> {
        self.users.get(id)?.visible(self.requests.fault == Fault::Stale)
    }
}
