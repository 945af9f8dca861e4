//! Queues and rules as AWS describes them.

use std::collections::{BTreeMap, BTreeSet};

use super::queue_attributes::Attributes;

#[derive(Debug)]
pub(crate) struct FoundQueue {
    /// Its branch, or `undelivered`.
    pub(crate) branch: String,
    pub(crate) name: String,
    /// `None`: they could not be read, and a finding says so.
    pub(crate) attributes: Option<Attributes>,
    pub(crate) dlq: Option<Attributes>,
}

#[derive(Debug, Clone)]
pub(crate) struct FoundRule {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) pattern: String,
}

/// Queues for events that rules could not deliver, by ARN, each with the ARNs of those rules.
pub(crate) type DeadEnds = BTreeMap<String, BTreeSet<String>>;
