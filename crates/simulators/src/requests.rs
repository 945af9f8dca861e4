//! The requests for records so far, and how the next ones are answered.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::gate::Shared;
use crate::listing_fault::Listing;
use crate::simulator::Provider;

/// A provider whose records are read one by one.
pub trait Recorded: Provider {
    /// Its faults.
    type Fault: Copy + Debug + Default + Send;

    /// Its requests.
    fn requests(&mut self) -> &mut Requests<Self::Fault>;
}

/// Counters, and the faults that a test has set.
#[derive(Debug, Default)]
pub struct Requests<F> {
    pub(crate) fault: F,
    pub(crate) listing: Listing,
    pub(crate) total: usize,
    pub(crate) pings: usize,
    pub(crate) tokens: usize,
    by_id: HashMap<String, usize>,
    statuses: HashMap<String, u16>,
    gates: HashMap<String, Arc<Shared>>,
}

impl<F> Requests<F> {
    pub(crate) fn count(&mut self, id: &str) {
        *self.by_id.entry(id.to_owned()).or_default() += 1;
    }

    pub(crate) fn named(&self, id: &str) -> usize {
        self.by_id.get(id).copied().unwrap_or(0)
    }

    pub(crate) fn set_status(&mut self, id: &str, status: Option<u16>) {
        match status {
            Some(status) => self.statuses.insert(id.to_owned(), status),
            None => self.statuses.remove(id),
        };
    }

    /// The reply that a test has set for this record.
    pub(crate) fn refusal(&self, id: &str) -> Option<Response> {
        Some(with_status(*self.statuses.get(id)?))
    }

    pub(crate) fn hold(&mut self, id: &str, gate: Arc<Shared>) {
        self.gates.insert(id.to_owned(), gate);
    }

    pub(crate) fn gate(&self, id: &str) -> Option<Arc<Shared>> {
        self.gates.get(id).cloned()
    }
}

/// An empty reply with a status that a test chose.
pub(crate) fn with_status(status: u16) -> Response {
    StatusCode::from_u16(status).expect("a test sets a status of HTTP").into_response()
}
