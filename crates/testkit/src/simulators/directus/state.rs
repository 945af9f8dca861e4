//! The state of the project. One lock protects all of it: a simulator may be slow, but must be correct.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::simulators::gate::Shared;

/// The records and the counters of the project.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Items by collection and ID.
    pub(crate) collections: BTreeMap<String, BTreeMap<String, Value>>,
    /// By the number of the list.
    pub(crate) page_faults: HashMap<usize, PageFault>,
    pub(crate) gate: Option<Arc<Shared>>,
    /// Lists of items so far.
    pub(crate) lists: usize,
    /// The server's largest page.
    pub(crate) limit_max: Option<usize>,
    /// The items of the last list.
    pub(crate) last: Vec<Value>,
    /// The token may read nothing any more.
    pub(crate) forbidden: bool,
}

/// A fault of one list of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFault {
    /// It is answered with this status.
    Status(u16),
    /// A success without items.
    Empty,
    /// The items of the list before.
    Repeated,
}
