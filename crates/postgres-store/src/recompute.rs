//! Persons computed anew: from all their records, by the policy.
//!
//! In: persons whose records, links or policy changed. Out: those whose row changed, and those whose contact in the CRM
//! says something else than the person, though the row stays: somebody there changed what another is believed about.
//! Both are announced.

use std::collections::HashMap;

use authority::{Profile, Role, SourceRecord, Status};
use event_contract::{Announcement, EventKind};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::outbox::announcement;
use crate::person::{self, ChangedPerson, PersonRow, Standing};
use crate::{Announce, Store, StoreError, crm_account, source_record};

/// What came of it.
#[derive(Default)]
pub(crate) struct Recomputed {
    /// Persons whose row changed.
    pub(crate) changed: Vec<ChangedPerson>,
    /// Others of whom the CRM is to be told something.
    pub(crate) untold: Vec<ChangedPerson>,
}

impl Recomputed {
    /// The announcements that follow. `announce`: in whose name.
    pub(crate) fn announcements(
        &self,
        announce: impl Fn(Uuid) -> Option<Announce>,
    ) -> Vec<(EventKind, Announcement)> {
        let persons = self.changed.iter().chain(&self.untold);
        let announced = |person: &ChangedPerson| {
            let announce = announce(person.person_id)?;
            Some((EventKind::PersonChanged, announcement(person.person_id, person.revision, announce)))
        };
        persons.filter_map(announced).collect()
    }
}

impl Store {
    /// Computes persons anew. `left`: where the records of a person went who has none any more.
    pub(crate) async fn recompute(
        &self,
        connection: &mut PgConnection,
        persons: &[Uuid],
        left: &HashMap<Uuid, Uuid>,
    ) -> Result<Recomputed, StoreError> {
        let revisions = person::lock(connection, persons).await?;
        crm_account::follow(connection, left).await?;
        let records = source_record::of_persons(connection, persons).await?;
        let mut untold = Vec::new();
        let mut rows = Vec::new();
        for person_id in persons {
            let own = records.get(person_id).map_or(&[][..], Vec::as_slice);
            let standing = match left.get(person_id) {
                Some(other) if own.is_empty() => Standing::MergedInto(*other),
                _ => Standing::Own(Profile::compute(&self.policy, own)),
            };
            if let (Standing::Own(profile), Some(revision)) = (&standing, revisions.get(person_id))
                && self.crm_differs(*person_id, profile, own)
            {
                untold.push(ChangedPerson { person_id: *person_id, revision: *revision });
            }
            rows.push(PersonRow { person_id: *person_id, standing });
        }
        let changed = person::upsert(connection, &rows).await?;
        untold.retain(|one| changed.iter().all(|other| other.person_id != one.person_id));
        Ok(Recomputed { changed, untold })
    }

    /// Whether a contact of a person who has an account lacks our key, or says otherwise than who is believed.
    fn crm_differs(&self, person_id: Uuid, profile: &Profile, records: &[SourceRecord]) -> bool {
        let has_account = matches!(profile.status, Status::Active | Status::Blocked);
        let differs = |contact: &&SourceRecord| {
            let key = contact.record.as_ref().and_then(|record| record.get("external_key")?.as_str());
            key != Some(person_id.to_string().as_str())
                || !profile.to_tell(&self.policy, Some(contact)).is_empty()
        };
        let contacts = records.iter().filter(|record| record.role == Role::Crm && record.record.is_some());
        has_account && contacts.filter(differs).count() > 0
    }
}
