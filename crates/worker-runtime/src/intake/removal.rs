//! Whether the events for one refetch say that the record was removed. In: their demands, in any order. Out: [`Removed`]. Must not
//! know when a message was sent: a queue delivers events in another order than they happened in.

use time::OffsetDateTime;

use crate::handler::{Demand, Removed};

/// What events have said so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    removed: Times,
    present: Times,
}

/// The times of the events that say one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    latest: Option<OffsetDateTime>,
    /// One of them has no time.
    unknown: bool,
}

impl Said {
    pub(super) fn by<S>(demand: &Demand<S>) -> Self {
        let mut said = Self::default();
        said.add(demand);
        said
    }

    pub(super) fn add<S>(&mut self, demand: &Demand<S>) {
        let times = if demand.removed { &mut self.removed } else { &mut self.present };
        times.latest = times.latest.max(demand.not_before);
        times.unknown |= demand.not_before.is_none();
    }

    pub(super) fn removed(self) -> Removed {
        let Self { removed, present } = self;
        if !removed.any() {
            Removed::No
        } else if !present.any() || (removed.latest >= present.latest && !present.unknown) {
            Removed::Yes
        } else if present.latest > removed.latest && !removed.unknown {
            Removed::No
        } else {
            Removed::Perhaps
        }
    }
}

impl Times {
    const fn any(self) -> bool {
        self.unknown || self.latest.is_some()
    }
}
