//! What was linked in one batch, and where the records of persons are by it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

/// What was linked.
#[derive(Default)]
pub(crate) struct Links {
    pub(super) moves: BTreeMap<String, Moved>,
    /// Persons all of whose records went to another, by a merge at their source.
    merged: HashMap<Uuid, Uuid>,
    /// Persons that were proposed for new records, and have no row yet.
    new: BTreeSet<Uuid>,
}

pub(super) struct Moved {
    pub(super) from: Uuid,
    pub(super) to: Uuid,
    pub(super) reason: &'static str,
}

impl Links {
    /// Nothing yet, in a batch that proposes these persons for new records.
    pub(super) fn proposing(new: BTreeSet<Uuid>) -> Self {
        Self { new, ..Self::default() }
    }

    /// The person that a record was moved to.
    pub(crate) fn moved(&self, external_id: &str) -> Option<Uuid> {
        self.moves.get(external_id).map(|moved| self.destination(moved.to))
    }

    /// Persons that a record left, and where it is now.
    pub(crate) fn left(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        let moved = self.moves.values().map(|moved| (moved.from, self.destination(moved.to)));
        moved.chain(self.merged.keys().map(|person| (*person, self.destination(*person))))
    }

    /// Whether a person was proposed for a new record of this batch.
    pub(crate) fn is_new(&self, person: Uuid) -> bool {
        self.new.contains(&person)
    }

    /// Takes note that all records of a person went to another.
    pub(crate) fn person_left(&mut self, person: Uuid, to: Uuid) {
        self.merged.insert(person, to);
    }

    /// Persons all of whose records went to others.
    pub(crate) fn emptied(&self) -> BTreeSet<Uuid> {
        self.merged.keys().copied().collect()
    }

    /// Where the records of `person` are, if they all went to others in this batch.
    pub(crate) fn destination(&self, person: Uuid) -> Uuid {
        let next = self.merged.get(&person).copied().filter(|next| *next != person);
        // Whoever was merged has no records to be merged again, so this ends.
        next.map_or(person, |next| self.destination(next))
    }
}
