//! The state of the project.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::Pages;

/// The records and the counters of the project.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) collections: BTreeMap<String, BTreeMap<String, Value>>,
    pub(crate) lists: Pages<PageFault>,
    pub(crate) limit_max: Option<usize>,
    pub(crate) last: Vec<Value>,
    /// The token may read nothing any more.
    pub(crate) forbidden: bool,
    /// Collections of one item, which is not in a list.
    pub(crate) singletons: BTreeSet<String>,
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
