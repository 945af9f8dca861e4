//! The rules of automatic linking. Pure.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::records::source_record::LinkKeys;

pub(crate) struct Linkable<'a> {
    pub external_id: &'a str,
    pub person_id: Uuid,
    /// It is new: its person has no row yet.
    pub new: bool,
    pub keys: &'a LinkKeys,
}

#[derive(Default)]
pub(crate) struct Evidence {
    pub(super) by_key: BTreeSet<Uuid>,
    /// Persons with the same verified address in another source.
    pub(super) by_email: BTreeSet<Uuid>,
    /// Persons who already have a live record of the same source.
    pub(super) same_source: BTreeSet<Uuid>,
    /// An operator has decided about this record.
    pub(super) decided: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    Stay,
    Move { to: Uuid, reason: &'static str },
    Review { candidates: BTreeSet<Uuid>, reason: &'static str },
}

pub(super) fn decide(record: &Linkable<'_>, evidence: &Evidence) -> Link {
    let others = |persons: &BTreeSet<Uuid>| -> BTreeSet<Uuid> {
        persons.iter().copied().filter(|person| *person != record.person_id).collect()
    };
    let (by_key, by_email) = (others(&evidence.by_key), others(&evidence.by_email));
    if evidence.decided {
        return Link::Stay;
    }
    let key_agrees = evidence.by_key.contains(&record.person_id);
    match (by_key.len(), by_email.len()) {
        (0, 0) => Link::Stay,
        (1, _) if !key_agrees => to_only(&by_key, "external_key"),
        (0, 1) if record.new && by_email.is_disjoint(&evidence.same_source) => {
            to_only(&by_email, "verified_email")
        }
        (0, _) => Link::Review { candidates: by_email, reason: "verified_email" },
        _ => Link::Review { candidates: by_key, reason: "external_key" },
    }
}

fn to_only(persons: &BTreeSet<Uuid>, reason: &'static str) -> Link {
    persons.first().map_or(Link::Stay, |to| Link::Move { to: *to, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn person(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn set(persons: &[u128]) -> BTreeSet<Uuid> {
        persons.iter().map(|number| person(*number)).collect()
    }

    /// Whether the record is new; persons by key; by address; with a record of the same source; whether an operator
    /// decided; the link.
    type Row<'a> = (bool, &'a [u128], &'a [u128], &'a [u128], bool, Link);

    #[test]
    fn a_key_links_and_what_proves_nothing_is_reviewed() {
        let to = |number, reason| Link::Move { to: person(number), reason };
        let review = |numbers: &[u128], reason| Link::Review { candidates: set(numbers), reason };
        // The record's own person is 1.
        let table: [Row<'_>; 12] = [
            (true, &[], &[], &[], false, Link::Stay),
            (true, &[1], &[1], &[], false, Link::Stay),
            (true, &[2], &[], &[], false, to(2, "external_key")),
            (false, &[2], &[], &[2], false, to(2, "external_key")),
            (true, &[2], &[3], &[], false, to(2, "external_key")),
            (true, &[2, 3], &[], &[], false, review(&[2, 3], "external_key")),
            (false, &[1, 2], &[], &[], false, review(&[2], "external_key")),
            (true, &[], &[2], &[], false, to(2, "verified_email")),
            (true, &[], &[2], &[2], false, review(&[2], "verified_email")),
            (false, &[], &[2], &[], false, review(&[2], "verified_email")),
            (true, &[], &[2, 3], &[], false, review(&[2, 3], "verified_email")),
            (true, &[2], &[2], &[], true, Link::Stay),
        ];
        let keys = LinkKeys::default();
        for (new, by_key, by_email, same_source, decided, expected) in table {
            let record = Linkable { external_id: "a", person_id: person(1), new, keys: &keys };
            let evidence = Evidence {
                by_key: set(by_key),
                by_email: set(by_email),
                same_source: set(same_source),
                decided,
            };
            assert_eq!(
                decide(&record, &evidence),
                expected,
                "{new} {by_key:?} {by_email:?} {same_source:?} {decided}"
            );
        }
    }
}
