//! The handle by which a test sets faults of a provider, and counts requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::fault::Fault;
use super::state::State;
use crate::simulators::gate::Gate;

/// Clones control the same provider.
#[derive(Debug, Clone)]
pub struct IdentityControl {
    address: SocketAddr,
    api_key: &'static str,
    state: Arc<Mutex<State>>,
}

impl IdentityControl {
    pub(crate) fn new(address: SocketAddr, api_key: &'static str) -> Self {
        Self { address, api_key, state: Arc::default() }
    }

    /// The provider's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The provider's URL: `http://127.0.0.1:{port}`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The only API key that the simulator accepts.
    #[must_use]
    pub fn api_key(&self) -> &'static str {
        self.api_key
    }

    /// Makes the provider fail, or ends the fault with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// Answers requests for one case with this status; `None`: as usual.
    pub fn set_status(&self, id: &str, status: Option<u16>) {
        let statuses = &mut self.lock().statuses;
        match status {
            Some(status) => statuses.insert(id.to_owned(), status),
            None => statuses.remove(id),
        };
    }

    /// Holds the requests for one case from now on, replacing an earlier gate for it.
    #[must_use]
    pub fn hold(&self, id: &str) -> Gate {
        let (gate, shared) = Gate::new();
        self.lock().gates.insert(id.to_owned(), shared);
        gate
    }

    /// Removes a case. Neither vendor does that by itself; a test account that is cleared does.
    pub fn delete(&self, id: &str) {
        self.lock().store(id, None);
    }

    /// Requests for one case by ID so far, with any answer.
    #[must_use]
    pub fn requests_for(&self, id: &str) -> usize {
        self.lock().counts.by_id.get(id).copied().unwrap_or(0)
    }

    /// Requests so far.
    #[must_use]
    pub fn total_requests(&self) -> usize {
        self.lock().counts.total
    }

    /// Lists of cases so far.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.lock().counts.pings
    }

    /// Changes an existing case, and returns the new state.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut state = self.lock();
        let current = state.cases.get(id).and_then(|record| record.current.clone());
        let mut case = current.expect("the case to change exists");
        change(&mut case);
        state.store(id, Some(case.clone()));
        case
    }

    /// Ignores a poisoned lock, so that the panic of the test thread itself is what the test prints.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
