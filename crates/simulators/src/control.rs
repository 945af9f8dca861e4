//! The handle by which a test changes a provider's records, sets faults, and counts requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gate::Gate;
use crate::listing_fault::ListingFault;
use crate::requests::Recorded;
use crate::simulator::Provider;

/// Clones control the same provider.
#[derive(Debug)]
pub struct Control<P> {
    address: SocketAddr,
    // One lock for the whole state: a simulator may be slow, but must be correct.
    state: Arc<Mutex<P>>,
}

impl<P> Clone for Control<P> {
    fn clone(&self) -> Self {
        Self { address: self.address, state: Arc::clone(&self.state) }
    }
}

impl<P: Provider> Control<P> {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, state: Arc::default() }
    }

    /// The provider's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The provider's URL: `http://127.0.0.1:{port}`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    // Ignores a poisoned lock, so that the panic of the test thread itself is what the test prints.
    pub(crate) fn lock(&self) -> MutexGuard<'_, P> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Recorded> Control<P> {
    /// Makes the provider fail, or ends the fault with `Fault::None`.
    pub fn set_fault(&self, fault: P::Fault) {
        self.lock().requests().fault = fault;
    }

    /// Sets a fault for a page of the listing of all records. Pages are counted from the next one on.
    pub fn set_listing_fault(&self, fault: ListingFault) {
        self.lock().requests().listing.set(fault);
    }

    /// Answers requests for one record with this status, and does not carry them out; `None`: as usual.
    pub fn set_status(&self, id: &str, status: Option<u16>) {
        self.set_reply(id, status.map(|status| (status, String::new())));
    }

    /// Answers requests for one record, or for [`EVERY_RECORD`](crate::EVERY_RECORD), with this status and body of JSON, and does
    /// not carry them out; `None`: as usual.
    pub fn set_reply(&self, id: &str, reply: Option<(u16, String)>) {
        self.lock().requests().set_reply(id, reply);
    }

    /// Holds the requests for one record from now on, replacing an earlier gate for it. A write is carried out on arrival; its
    /// reply is held.
    pub fn hold(&self, id: &str) -> Gate {
        let (gate, shared) = Gate::new();
        self.lock().requests().hold(id, shared);
        gate
    }

    /// Requests so far that named this record, alone or among others, with any answer.
    pub fn requests_for(&self, id: &str) -> usize {
        self.lock().requests().named(id)
    }

    /// Requests of the API so far, without those for tokens.
    pub fn total_requests(&self) -> usize {
        self.lock().requests().total
    }

    /// Requests so far that name no record: they list, or only see whether the API answers.
    pub fn pings(&self) -> usize {
        self.lock().requests().pings
    }

    /// Requests for a token so far, with any answer.
    pub fn token_requests(&self) -> usize {
        self.lock().requests().tokens
    }
}
