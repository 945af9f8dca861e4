//! The state of a provider.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use axum::response::Response;
use axum::{Router, middleware};
use serde_json::Value;

use super::IdentityControl;
use super::fault::Fault;
use super::guard::guard;
use crate::record::Record;
use crate::requests::{Recorded, Requests};
use crate::simulator::Provider;

/// What differs between the providers.
pub trait Vendor: Debug + Default + Send + Sync + 'static {
    /// The only API key that is accepted.
    const API_KEY: &'static str;
    /// The path of the list of cases.
    const CASES: &'static str;

    /// A case by ID, and the list.
    fn routes() -> Router<IdentityControl<Self>>;
    /// The reply to a wrong key.
    fn unauthorized() -> Response;
    /// The reply to too many requests, which end in this number of seconds.
    fn too_many(reset_secs: u64) -> Response;
}

/// The cases: whole, with what only some requests get to see.
#[derive(Debug, Default)]
pub struct State<V> {
    pub(crate) cases: BTreeMap<String, Record<Value>>,
    pub(crate) requests: Requests<Fault>,
    vendor: PhantomData<V>,
}

impl<V: Vendor> Provider for State<V> {
    fn router(control: IdentityControl<V>) -> Router {
        V::routes().layer(middleware::from_fn_with_state(control.clone(), guard::<V>)).with_state(control)
    }
}

impl<V: Vendor> Recorded for State<V> {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl<V> State<V> {
    /// Makes `case` what is there now; `None`: nothing.
    pub(crate) fn store(&mut self, id: &str, case: Option<Value>) {
        self.cases.entry(id.to_owned()).or_default().set(case);
    }

    /// The case as the provider answers for it under the fault in force.
    pub(crate) fn visible(&self, id: &str) -> Option<&Value> {
        self.cases.get(id)?.visible(self.requests.fault == Fault::Stale)
    }

    /// The first cases of a list.
    pub(crate) fn listed(&self, limit: usize) -> Vec<&Value> {
        self.cases.keys().filter_map(|id| self.visible(id)).take(limit).collect()
    }
}
