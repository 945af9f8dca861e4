//! Recomputes persons from all their records, by the policy. In: persons whose records, links or policy changed. Out, to be
//! announced: persons whose row changed, and persons whose CRM contact now differs from the unchanged row, because a user of
//! the CRM changed it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use authority::{Field, Policy, Profile, SourceRecord, Status};
use event_contract::{Announcement, EventKind};
use uuid::Uuid;

use super::crm_account::Differing;
use super::row::{self, ChangedPerson, LockedPerson, PersonRow, Standing};
use super::{crm_account, crm_push, crm_view};
use crate::bounded::PgConnection;
use crate::outbox::{Announce, announcement};
use crate::rules::Rules;
use crate::{Store, StoreError};

#[derive(Default)]
pub(crate) struct Moves {
    /// Persons that lost records, and who has those now.
    pub(crate) left: HashMap<Uuid, Uuid>,
    pub(crate) emptied: BTreeSet<Uuid>,
    /// A merged person who has records again, by an operator's decision.
    pub(crate) revived: Option<Uuid>,
}

#[derive(Default)]
pub(crate) struct Recomputed {
    pub(crate) changed: Vec<ChangedPerson>,
    /// Other persons to announce.
    pub(crate) unchanged: Vec<ChangedPerson>,
    /// Persons with an account of whom a source that is pushed to has never had a record.
    pub(crate) without_record: Vec<Uuid>,
    locked: HashMap<Uuid, LockedPerson>,
}

impl Recomputed {
    /// Announces these persons too, although they did not change.
    pub(crate) fn also(&mut self, persons: impl IntoIterator<Item = Uuid>) {
        for person_id in persons {
            let known = self.changed.iter().chain(&self.unchanged).any(|one| one.person_id == person_id);
            if let Some(locked) = self.locked.get(&person_id).filter(|_| !known) {
                self.unchanged.push(ChangedPerson { person_id, revision: locked.revision });
            }
        }
    }

    /// `announce` gives the cause for a person, or `None` for no announcement.
    pub(crate) fn announcements(
        &self,
        announce: impl Fn(Uuid) -> Option<Announce>,
    ) -> Vec<(EventKind, Announcement)> {
        let persons = self.changed.iter().chain(&self.unchanged);
        let announced = |person: &ChangedPerson| {
            let announce = announce(person.person_id)?;
            Some((EventKind::PersonChanged, announcement(person.person_id, person.revision, announce)))
        };
        persons.filter_map(announced).collect()
    }
}

impl Store {
    pub(crate) async fn recompute(
        &self,
        connection: &mut PgConnection,
        rules: &Rules,
        persons: &[Uuid],
        moves: &Moves,
    ) -> Result<Recomputed, StoreError> {
        // Locked before the records are read: two sources' readings of one person compute its profile one after the other, and
        // the second sees what the first wrote.
        let locked = row::lock(connection, persons).await?;
        let records = crm_push::records_of_persons(connection, rules, persons).await?;
        let policy = &rules.policy;
        let targets: Vec<&str> = policy.targets().collect();
        let has_several =
            |own: &[SourceRecord]| targets.iter().any(|target| live(own, target).nth(1).is_some());
        let several = records.iter().filter(|(_, own)| has_several(own));
        let several: Vec<Uuid> = several.map(|(person_id, _)| *person_id).collect();
        let known = crm_account::last_pushed(connection, &several).await?;
        let mut recomputed = Recomputed { locked, ..Recomputed::default() };
        let (mut rows, mut merged, mut differing) = (Vec::new(), Vec::new(), Differing::new());
        for person_id in persons {
            let own = records.get(person_id).map_or(&[][..], Vec::as_slice);
            recomputed.refuse_merged_meanwhile(*person_id, own, moves)?;
            let standing = match moves.left.get(person_id) {
                Some(other) if own.is_empty() => {
                    merged.push((*person_id, *other));
                    Standing::MergedInto(*other)
                }
                _ => Standing::Own(Profile::compute(policy, own)),
            };
            if let Standing::Own(profile) = &standing {
                let has_account = matches!(profile.status, Status::Active | Status::Blocked);
                let knows = |target: &&str| own.iter().any(|record| record.source == **target);
                if has_account && !targets.iter().all(knows) {
                    recomputed.without_record.push(*person_id);
                }
                for target in &targets {
                    let key = (*person_id, (*target).to_owned());
                    let contact = crm_view::contact_of(
                        *person_id,
                        known.get(&key).map(String::as_str),
                        live(own, target),
                    );
                    let difference =
                        contact.and_then(|contact| difference(policy, *person_id, target, profile, contact));
                    differing.extend(difference.map(|fields| (key, fields)));
                }
            }
            rows.push(PersonRow { person_id: *person_id, standing });
        }
        recomputed.changed = row::upsert(connection, &rows).await?;
        row::follow_merges(connection, &merged).await?;
        let contested = crm_account::contested(connection, policy, &differing).await?;
        for (person_id, source) in &contested {
            tracing::warn!(%person_id, source, "the source changes our values back: no further push for an hour");
        }
        let due = differing.into_keys().filter(|key| !contested.contains(key));
        recomputed.also(due.map(|(person_id, _)| person_id));
        Ok(recomputed)
    }
}

/// What a push to the person's contact would write. `None`: no push is due.
fn difference(
    policy: &Policy,
    person_id: Uuid,
    target: &str,
    profile: &Profile,
    contact: &SourceRecord,
) -> Option<BTreeMap<Field, String>> {
    let key = crm_view::key_of(contact);
    let own = person_id.to_string();
    // A push is due if the contact has another person's key or, for a person with an account, lacks our key or differs from the
    // believed values.
    match profile.status {
        Status::Active | Status::Blocked => {
            let fields = profile.to_push(policy, target, Some(contact));
            let due = key != Some(own.as_str()) || !fields.is_empty();
            due.then_some(fields)
        }
        Status::Deleted | Status::Known => crm_view::is_another_person(key, person_id).then(BTreeMap::new),
    }
}

fn live<'a>(records: &'a [SourceRecord], source: &'a str) -> impl Iterator<Item = &'a SourceRecord> {
    records.iter().filter(move |record| record.source == source && record.record.is_some())
}

impl Recomputed {
    fn refuse_merged_meanwhile(
        &self,
        person_id: Uuid,
        records: &[SourceRecord],
        moves: &Moves,
    ) -> Result<(), StoreError> {
        let was_merged = self.locked.get(&person_id).is_some_and(|locked| locked.merged);
        let revived = moves.revived == Some(person_id);
        // Another transaction has merged the person meanwhile. A retry finds where its records are now.
        if !records.is_empty() && ((was_merged && !revived) || moves.emptied.contains(&person_id)) {
            return Err(StoreError::Unavailable { code: String::from("merged meanwhile") });
        }
        Ok(())
    }
}
