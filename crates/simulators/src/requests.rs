//! The requests for records so far, and how the next ones are answered.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::gate::Shared;
use crate::listing_fault::Listing;
use crate::simulator::Provider;

/// In place of an ID, where a test sets the reply for every record. No provider has a record of this ID.
pub const EVERY_RECORD: &str = "*";

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
    replies: HashMap<String, (u16, String)>,
    gates: HashMap<String, Arc<Shared>>,
}

impl<F> Requests<F> {
    pub(crate) fn count(&mut self, id: &str) {
        *self.by_id.entry(id.to_owned()).or_default() += 1;
    }

    pub(crate) fn named(&self, id: &str) -> usize {
        self.by_id.get(id).copied().unwrap_or(0)
    }

    pub(crate) fn set_reply(&mut self, id: &str, reply: Option<(u16, String)>) {
        match reply {
            Some(reply) => self.replies.insert(id.to_owned(), reply),
            None => self.replies.remove(id),
        };
    }

    /// The reply that a test has set for this record, or for every record.
    pub(crate) fn refusal(&self, id: &str) -> Option<Response> {
        let (status, body) = self.replies.get(id).or_else(|| self.replies.get(EVERY_RECORD))?;
        let reply = with_status(*status);
        Some(match body.as_str() {
            "" => reply,
            body => (reply.status(), [(CONTENT_TYPE, "application/json")], body.to_owned()).into_response(),
        })
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
