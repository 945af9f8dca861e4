//! The pages of a listing, with faults by number and a gate.

use std::collections::HashMap;
use std::sync::Arc;

use crate::gate::{Gate, Shared};

/// Pages so far, and how the next ones are answered.
#[derive(Debug)]
pub(crate) struct Pages<F> {
    pub(crate) served: usize,
    faults: HashMap<usize, F>,
    gate: Option<Arc<Shared>>,
}

impl<F> Default for Pages<F> {
    fn default() -> Self {
        Self { served: 0, faults: HashMap::new(), gate: None }
    }
}

impl<F> Pages<F> {
    /// Sets the fault of a page: 0 is the next one.
    pub(crate) fn set_fault(&mut self, number: usize, fault: F) {
        self.faults.insert(self.served + number, fault);
    }

    pub(crate) fn hold(&mut self) -> Gate {
        let (gate, shared) = Gate::new();
        self.gate = Some(shared);
        gate
    }

    pub(crate) fn next(&mut self) -> Option<F> {
        self.served += 1;
        self.faults.remove(&(self.served - 1))
    }

    pub(crate) fn gate(&self) -> Option<Arc<Shared>> {
        self.gate.clone()
    }
}
