//! A person as the CRM should see it: the profile computed from all records, the CRM's own contact, and the last push.

use std::collections::HashMap;
use std::sync::Arc;

use authority::{Policy, Profile, SourceRecord};
use uuid::Uuid;

use super::crm_push::{self, PushKey};
use crate::bounded::PgConnection;
use crate::rules::Rules;
use crate::{Store, StoreError};

/// A person as the CRM should see it. Holds personal data: no `Debug`.
#[derive(Clone)]
pub struct CrmView {
    /// Our ID.
    pub person_id: Uuid,
    /// The person's revision, for the announcement of the link.
    pub revision: i64,
    /// The profile, computed by the policy from all records.
    pub profile: Profile,
    /// The person's live contact, as last read.
    pub contact: Option<SourceRecord>,
    /// Our key that the contact has in the CRM.
    pub contact_key: Option<String>,
    /// A contact of the person was deleted in the CRM.
    pub contact_deleted: bool,
    /// An open review decides whether a contact is this person's.
    pub under_review: bool,
    /// Another person's contact has our key. No contact can be created until it has lost the key.
    pub key_elsewhere: bool,
    /// The last push.
    pub pushed: Option<Pushed>,
    /// The key of the hashes of pushed values.
    pub push_key: PushKey,
    /// The policy by which it was computed.
    pub policy: Arc<Policy>,
}

/// The last push to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The CRM's ID of the contact.
    pub external_id: String,
    /// [`PushKey::hash_of_push`] of it.
    pub hash: Vec<u8>,
    /// How many times in a row, within an hour, the same values were pushed and the contact was read afterwards.
    pub times: i32,
    /// It was seconds ago, so a reading that began after it may still have missed it.
    pub just_now: bool,
    /// A reading that began after it is stored.
    pub read_since: bool,
}

impl Store {
    /// Reads persons as the CRM `source` should see them. Persons that do not exist or were merged are left out.
    pub async fn crm_views(
        &self,
        source: &str,
        persons: &[Uuid],
    ) -> Result<HashMap<Uuid, CrmView>, StoreError> {
        loop {
            let rules = self.rules.get();
            match self.crm_views_by(&rules, source, persons).await {
                Err(error) if error.is_other_version() => self.read_rules().await?,
                done => return done,
            }
        }
    }

    async fn crm_views_by(
        &self,
        rules: &Rules,
        source: &str,
        persons: &[Uuid],
    ) -> Result<HashMap<Uuid, CrmView>, StoreError> {
        let mut connection = self.pool.reading().await?;
        let rows = person_rows(&mut connection, source, persons).await?;
        let known: Vec<Uuid> = rows.iter().map(|row| row.person_id).collect();
        let mut records = crm_push::records_of_persons(&mut connection, rules, &known).await?;
        let key = crm_push::key(&mut connection).await?;
        let views = rows.into_iter().map(|row| {
            let records = records.remove(&row.person_id).unwrap_or_default();
            (row.person_id, view(&rules.policy, source, row, &records, key.clone()))
        });
        Ok(views.collect())
    }
}

fn view(
    policy: &Arc<Policy>,
    source: &str,
    row: PersonState,
    records: &[SourceRecord],
    push_key: PushKey,
) -> CrmView {
    let contacts = || records.iter().filter(|record| record.source == source);
    let live = contacts().filter(|record| record.record.is_some());
    let known = row.pushed.as_ref().map(|pushed| pushed.external_id.as_str());
    let contact = contact_of(row.person_id, known, live);
    CrmView {
        person_id: row.person_id,
        revision: row.revision,
        profile: Profile::compute(policy, records),
        contact: contact.cloned(),
        contact_key: contact.and_then(key_of).map(str::to_owned),
        contact_deleted: contacts().any(|record| record.record.is_none()),
        under_review: row.under_review,
        key_elsewhere: row.key_elsewhere,
        pushed: row.pushed,
        push_key,
        policy: Arc::clone(policy),
    }
}

pub(crate) fn contact_of<'a>(
    person_id: Uuid,
    known: Option<&str>,
    contacts: impl Iterator<Item = &'a SourceRecord>,
) -> Option<&'a SourceRecord> {
    let own = person_id.to_string();
    // The one with our key, which no other contact can have; else the one that we know; else always the same.
    contacts.min_by_key(|record| {
        let id = record.external_id.as_str();
        (key_of(record) != Some(own.as_str()), Some(id) != known, id)
    })
}

pub(crate) fn key_of(contact: &SourceRecord) -> Option<&str> {
    contact.record.as_ref()?.get("external_key")?.as_str()
}

/// Whether a key is our ID of another person. Any other key is the CRM's own.
pub fn is_another_person(key: Option<&str>, person_id: Uuid) -> bool {
    key.and_then(|key| key.parse::<Uuid>().ok()).is_some_and(|other| other != person_id)
}

struct PersonState {
    person_id: Uuid,
    revision: i64,
    under_review: bool,
    key_elsewhere: bool,
    pushed: Option<Pushed>,
}

async fn person_rows(
    connection: &mut PgConnection,
    source: &str,
    persons: &[Uuid],
) -> Result<Vec<PersonState>, StoreError> {
    let rows = sqlx::query!(
        r#"select person.person_id, person.revision, account.external_id as "external_id?", account.pushed_hash as "pushed_hash?",
                  case when account.pushed_at > now() - interval '1 hour' then account.pushed_times else 0 end as "pushed_times!",
                  coalesce(account.pushed_at > now() - interval '5 seconds', false) as "just_now!",
                  exists (select from source_record contact
                          where contact.source = $1 and contact.external_id = account.external_id
                            and contact.ticket > account.push_ticket) as "read_since!",
                  exists (select from link_review review
                          join source_record reviewed
                            on reviewed.source = review.source and reviewed.external_id = review.external_id
                          join source_record contact on contact.source = $1 and contact.gone_at is null
                           and contact.person_id in (reviewed.person_id, review.candidate_person_id)
                          where review.verdict is null and reviewed.gone_at is null
                            and contact.person_id <> person.person_id
                            and person.person_id in (reviewed.person_id, review.candidate_person_id))
                      as "under_review!",
                  exists (select from source_record other
                          where other.external_key = person.person_id::text and other.gone_at is null
                            and other.source = $1 and other.person_id <> person.person_id) as "key_elsewhere!"
           from person
           left join lateral (select * from crm_account own where own.source = $1 and own.person_id = person.person_id
                              -- Not a contact that belongs to another person by now.
                              and not exists (select from source_record other
                                              where other.source = own.source and other.external_id = own.external_id
                                                and other.person_id <> person.person_id)
                              order by own.pushed_at desc limit 1) account on true
           where person.person_id = any ($2) and person.merged_into is null"#,
        source,
        persons
    )
    .fetch_all(connection)
    .await?;
    let pushed = |external_id, hash, times, just_now, read_since| {
        Some(Pushed { external_id: external_id?, hash: hash?, times, just_now, read_since })
    };
    Ok(rows
        .into_iter()
        .map(|row| PersonState {
            person_id: row.person_id,
            revision: row.revision,
            under_review: row.under_review,
            key_elsewhere: row.key_elsewhere,
            pushed: pushed(row.external_id, row.pushed_hash, row.pushed_times, row.just_now, row.read_since),
        })
        .collect())
}
