//! What the topology's rules take of a vendor's events: for each route a pattern, and the paths that are kept.

use std::fmt;

use serde_json::Value;

/// A way of a partner's events to a queue: one rule of the topology. A rule keeps the envelope and, inside `detail`, what is in
/// [`keeps`](Self::keeps). A partner's event may hold a whole profile.
///
/// If an event lacks a path that is kept, the rule makes no valid JSON. So a pattern demands every path, and another route takes
/// the events that lack one. No event may match two routes of a feed: it would be delivered twice.
#[derive(Clone, Copy)]
pub struct Route {
    /// End of the rule's name: `log-no-user`.
    pub name: &'static str,
    /// The rule's description.
    pub about: &'static str,
    /// What its events report.
    pub feed: Feed,
    /// The pattern of `detail`, from the settings of a source.
    pub detail: fn(&Value) -> Value,
    /// The paths below `detail` that are kept: `data.user_id`, `target[0].id`. IDs, type codes and times only.
    pub keeps: &'static [&'static str],
}

/// What events report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Changed records.
    Records,
    /// Sign-ins.
    SignIns,
}

/// A vendor's partner event sources.
#[derive(Clone, Copy)]
pub struct Partner {
    /// How their names begin: `aws.partner/auth0.com/`.
    pub prefix: &'static str,
    /// The pattern of `detail` of the events that are forwarded to our bus. It keeps away what no route wants, and is wider than
    /// the routes, so that only they decide.
    pub forwards: fn() -> Value,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("name", &self.name).field("feed", &self.feed).finish_non_exhaustive()
    }
}
