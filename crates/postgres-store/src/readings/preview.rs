//! What a reading would change, for a person who tries a source. The reading is written as a worker writes it, in a transaction
//! that is taken back: so the preview knows the same guards, links and rules, and has none of its own.

use authority::Policy;
use serde::Serialize;
use uuid::Uuid;

use super::reading::PersonReading;
use crate::person::policy_change::{PersonChange, change_of_rows};
use crate::person::view::{self, PersonKey, StoredPerson};
use crate::records::result::ReadingResult;
use crate::records::source_record::Source;
use crate::rules::Rules;
use crate::{Store, StoreError};

/// What writing a reading would do. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct ReadingPreview {
    /// Whether the stored record would change. It would not if it is the same, or if a newer one is stored.
    pub record_changes: bool,
    /// The person who has the record now. `None`: the record is not stored.
    pub has_now: Option<Uuid>,
    /// The person who would have it: the same one, or another one, to whom it would be linked. `None`: a new one, or the record is
    /// gone and was never stored.
    pub would_have: Option<Uuid>,
    /// Whether a person would be created for it.
    pub creates_person: bool,
    /// The persons whose row would change. A new one has an ID that it would not get.
    pub changes: Vec<PersonChange>,
}

impl Store {
    /// What [`Store::apply_person_readings`] would do with one reading, by the rules of `policy`. Writes nothing, but holds the locks
    /// of the record and of its persons for a moment, as a worker does.
    pub async fn preview_person_reading(
        &self,
        policy: &Policy,
        source: Source<'_>,
        reading: &PersonReading,
    ) -> Result<ReadingPreview, StoreError> {
        let rules = Rules::tried(policy);
        let key =
            PersonKey::Record { source: source.name.to_owned(), external_id: reading.external_id.clone() };
        let mut transaction = self.pool.begin().await?;
        let has_now = view::person_named(&mut transaction, &key).await?;
        let written =
            self.write_readings(&mut transaction, &rules, source, std::slice::from_ref(reading)).await?;
        let would_have = view::person_named(&mut transaction, &key).await?;
        let mut persons = written.persons;
        // A person who loses the record, or gets it, need not change.
        persons.extend(has_now.into_iter().chain(would_have));
        let after = view::stored(&mut transaction, &persons).await?;
        transaction.rollback().await?;
        let mut snapshot = self.snapshot().await?;
        let before = view::stored(&mut snapshot, &persons).await?;
        let known = |id: Uuid| before.iter().find(|stored| stored.person_id == id);
        let changes =
            after.iter().filter_map(|person: &StoredPerson| change_of_rows(known(person.person_id), person));
        Ok(ReadingPreview {
            record_changes: written.results.contains(&ReadingResult::Applied),
            has_now,
            would_have: would_have.filter(|person| known(*person).is_some()),
            creates_person: would_have.is_some_and(|person| known(person).is_none()),
            changes: changes.collect(),
        })
    }
}
