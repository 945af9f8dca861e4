//! The links of one batch, and where the records of persons are after it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Links {
    pub(super) moves: BTreeMap<String, Moved>,
    /// Persons all of whose records went to another person, by a merge at their source.
    merged: HashMap<Uuid, Uuid>,
    /// Persons proposed for new records. They have no row yet.
    new: BTreeSet<Uuid>,
}

pub(super) struct Moved {
    pub(super) from: Uuid,
    pub(super) to: Uuid,
    pub(super) reason: &'static str,
}

impl Links {
    pub(super) fn proposing(new: BTreeSet<Uuid>) -> Self {
        Self { new, ..Self::default() }
    }

    pub(crate) fn moved(&self, external_id: &str) -> Option<Uuid> {
        self.moves.get(external_id).map(|moved| self.destination(moved.to))
    }

    /// Persons that lost a record, and who has it now.
    pub(crate) fn left(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        let moved = self.moves.values().map(|moved| (moved.from, self.destination(moved.to)));
        moved.chain(self.merged.keys().map(|person| (*person, self.destination(*person))))
    }

    pub(crate) fn is_new(&self, person: Uuid) -> bool {
        self.new.contains(&person)
    }

    /// Adds a merge: all records of a person went to another.
    pub(crate) fn person_left(&mut self, person: Uuid, to: Uuid) {
        self.merged.insert(person, to);
    }

    pub(crate) fn emptied(&self) -> BTreeSet<Uuid> {
        self.merged.keys().copied().collect()
    }

    /// The person who has the records of `person`, if they all went to others in this batch.
    pub(crate) fn destination(&self, person: Uuid) -> Uuid {
        let next = self.merged.get(&person).copied().filter(|next| *next != person);
        // A merged person has no records left to merge, so the recursion ends.
        next.map_or(person, |next| self.destination(next))
    }
}
