//! A record now, and its state one change ago.

/// `None` is a record that does not exist yet, or was deleted.
#[derive(Debug)]
pub(crate) struct Record<T> {
    pub(crate) current: Option<T>,
    pub(crate) previous: Option<T>,
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self { current: None, previous: None }
    }
}

impl<T> Record<T> {
    pub(crate) fn set(&mut self, current: Option<T>) {
        self.previous = std::mem::replace(&mut self.current, current);
    }

    /// The record as the provider answers for it: `stale` is a replica that lags by one change.
    pub(crate) fn visible(&self, stale: bool) -> Option<&T> {
        if stale { self.previous.as_ref() } else { self.current.as_ref() }
    }
}
