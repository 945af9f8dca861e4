//! Changes the cases of either provider.

use serde_json::Value;

use super::{IdentityControl, Vendor};

impl<V: Vendor> IdentityControl<V> {
    /// The only API key that the simulator accepts.
    pub fn api_key(&self) -> &'static str {
        V::API_KEY
    }

    /// Removes a case. Neither vendor does that by itself; a test account that is cleared does.
    pub fn delete(&self, id: &str) {
        self.lock().store(id, None);
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
}
