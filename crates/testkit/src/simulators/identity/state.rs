//! The state of a provider. One lock protects all of it: a simulator may be slow, but must be correct.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::fault::Fault;
use crate::simulators::gate::Shared;

/// The records and the counters of the provider.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) cases: BTreeMap<String, Record>,
    pub(crate) fault: Fault,
    pub(crate) statuses: HashMap<String, u16>,
    pub(crate) gates: HashMap<String, Arc<Shared>>,
    pub(crate) counts: Counts,
}

/// A case now, and as it was one change ago: whole, with what only some requests get to see.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) current: Option<Value>,
    pub(crate) previous: Option<Value>,
}

/// Requests so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) by_id: HashMap<String, usize>,
    pub(crate) total: usize,
    pub(crate) pings: usize,
}

impl State {
    /// Makes `case` what is there now; `None`: nothing.
    pub(crate) fn store(&mut self, id: &str, case: Option<Value>) {
        let record = self.cases.entry(id.to_owned()).or_default();
        record.previous = std::mem::replace(&mut record.current, case);
    }

    /// The case as the provider answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&Value> {
        let record = self.cases.get(id)?;
        if self.fault == Fault::Stale { record.previous.as_ref() } else { record.current.as_ref() }
    }

    /// The first cases of a list.
    pub(crate) fn listed(&self, limit: usize) -> Vec<&Value> {
        self.cases.keys().filter_map(|id| self.visible(id)).take(limit).collect()
    }

    /// Counts one request, for this case or for the list of them.
    pub(crate) fn count(&mut self, case: Option<&str>) {
        self.counts.total += 1;
        match case {
            Some(id) => *self.counts.by_id.entry(id.to_owned()).or_default() += 1,
            None => self.counts.pings += 1,
        }
    }
}
