//! The state of the environment.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::fault::{Fault, PageFault};
use crate::pages::Pages;

/// The only space that the simulator accepts.
pub(crate) const SPACE: &str = "orchard1";

pub(crate) const ENVIRONMENT: &str = "master";

pub(crate) type Key = (&'static str, String);

/// The records and the counters of the environment.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) changes: u64,
    pub(crate) resources: BTreeMap<Key, Resource>,
    /// Not shown by the sync, although they are there.
    pub(crate) hidden: HashSet<Key>,
    pub(crate) fault: Fault,
    pub(crate) pages: Pages<PageFault>,
    pub(crate) reads: usize,
    pub(crate) last_items: Vec<Value>,
    /// Tokens of an earlier generation are refused.
    pub(crate) generation: u32,
    /// The only space that is accepted, if not [`SPACE`].
    pub(crate) space: Option<&'static str>,
    /// A page of more items is too big.
    pub(crate) largest_page: Option<usize>,
}

/// The state of one resource.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// As it was published, or that it was deleted.
    pub(crate) json: Value,
    pub(crate) deleted: bool,
    pub(crate) revision: u64,
    pub(crate) change: u64,
}

impl State {
    pub(crate) fn space(&self) -> &'static str {
        self.space.unwrap_or(SPACE)
    }

    pub(crate) fn store(&mut self, key: Key, json: Value, deleted: bool, revision: u64) {
        self.changes += 1;
        let change = self.changes;
        self.resources.insert(key, Resource { json, deleted, revision, change });
    }

    pub(crate) fn live(&self, key: &Key) -> Option<&Resource> {
        self.resources.get(key).filter(|resource| !resource.deleted)
    }

    /// How many of a kind are there.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.resources.iter().filter(|((own, _), resource)| *own == kind && !resource.deleted).count()
    }
}
