//! Table `crm_account`: which contact of the CRM is a person's account, and what it was last told.

use std::collections::HashMap;

use authority::{Field, Policy, Profile, SourceRecord};
use event_contract::EventKind;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::outbox::{self, announcement};
use crate::{Announce, Store, StoreError, source_record};

/// A person as the CRM should see it. Holds personal data: no `Debug`.
#[derive(Clone)]
pub struct CrmView {
    /// Our ID.
    pub person_id: Uuid,
    /// Its revision, by which the link is announced.
    pub revision: i64,
    /// By the policy, from all records.
    pub profile: Profile,
    /// The person's live contact, as the CRM last said it.
    pub contact: Option<SourceRecord>,
    /// [`SourceRecord::record`]'s key of ours, which the CRM has for that contact.
    pub contact_key: Option<String>,
    /// A contact of the person was deleted in the CRM.
    pub contact_deleted: bool,
    /// Whether a contact is this person's is not decided yet.
    pub under_review: bool,
    /// Another person's contact has our key: until it has lost it, no contact can be made.
    pub key_elsewhere: bool,
    /// The contact that we wrote last, and what.
    pub told: Option<Told>,
}

/// What a contact was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The CRM's ID of the contact.
    pub external_id: String,
    /// [`told_hash`] of the fields.
    pub hash: Vec<u8>,
    /// How often in a row, within an hour.
    pub times: i32,
    /// Seconds ago: the CRM may not have announced it yet.
    pub just_now: bool,
}

/// A contact that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenContact {
    /// Whose it is.
    pub person_id: Uuid,
    /// The person's revision that was written.
    pub revision: i64,
    /// The CRM's ID.
    pub external_id: String,
    /// [`told_hash`] of the fields that were written.
    pub told_hash: Vec<u8>,
    /// How to announce the link, if it is new.
    pub announce: Announce,
}

/// Tells equality of what was written, without keeping it.
#[must_use]
pub fn told_hash<'a>(fields: impl IntoIterator<Item = (Field, &'a str)>) -> Vec<u8> {
    let mut hash = Sha256::new();
    for (field, value) in fields {
        hash.update(field.as_str());
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

impl Store {
    /// The policy that persons are computed by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads persons as the CRM `source` should see them. One that is not there, or was merged into another, is left
    /// out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn crm_views(
        &self,
        source: &str,
        persons: &[Uuid],
    ) -> Result<HashMap<Uuid, CrmView>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let rows = person_rows(&mut connection, source, persons).await?;
        let known: Vec<Uuid> = rows.iter().map(|row| row.person_id).collect();
        let mut records = source_record::of_persons(&mut connection, &known).await?;
        let views = rows.into_iter().map(|row| {
            let records = records.remove(&row.person_id).unwrap_or_default();
            (row.person_id, self.view(source, row, &records))
        });
        Ok(views.collect())
    }

    fn view(&self, source: &str, row: PersonState, records: &[SourceRecord]) -> CrmView {
        let contacts = || records.iter().filter(|record| record.source == source);
        let live = contacts().filter(|record| record.record.is_some());
        let known = row.told.as_ref().map(|told| told.external_id.as_str());
        let contact = contact_of(row.person_id, known, live);
        CrmView {
            person_id: row.person_id,
            revision: row.revision,
            profile: Profile::compute(&self.policy, records),
            contact: contact.cloned(),
            contact_key: contact.and_then(key_of).map(str::to_owned),
            contact_deleted: contacts().any(|record| record.record.is_none()),
            under_review: row.under_review,
            key_elsewhere: row.key_elsewhere,
            told: row.told,
        }
    }

    /// Remembers what the CRM is about to be told of a person: before it is told, so that its echo is known for one
    /// however soon it comes.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be told.
    pub async fn remember_told<'a>(
        &self,
        source: &str,
        person_id: Uuid,
        told: impl IntoIterator<Item = (Field, &'a str)>,
    ) -> Result<(), StoreError> {
        let (fields, values): (Vec<String>, Vec<String>) =
            told.into_iter().map(|(field, value)| (field.to_string(), value.trim().to_owned())).unzip();
        sqlx::query!(
            r#"insert into crm_told (source, person_id, field, value_hash)
               select $1, $2, told.field, sha256(convert_to(told.value, 'UTF8'))
               from unnest($3::text[], $4::text[]) as told (field, value) order by told.field
               on conflict (person_id, source, field, value_hash) do update set told_at = now()"#,
            source,
            person_id,
            &fields,
            &values
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records contacts that were written. A link that is new is announced with it.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was recorded, and the contacts are written once more.
    pub async fn record_crm_accounts(
        &self,
        source: &str,
        written: &[WrittenContact],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let mut announcements = Vec::new();
        let new = upsert(&mut transaction, source, written).await?;
        for contact in written.iter().filter(|contact| new.contains(&contact.external_id)) {
            let linked = announcement(contact.person_id, contact.revision, contact.announce);
            announcements.push((EventKind::CrmAccountLinked, linked));
        }
        if !announcements.is_empty() {
            outbox::insert(&mut transaction, &announcements).await?;
        }
        transaction.commit().await?;
        if !announcements.is_empty() {
            self.outbox_filled.notify_one();
        }
        Ok(())
    }
}

/// What was told of persons whose records went to others was told of those.
pub(crate) async fn follow(
    connection: &mut PgConnection,
    left: &HashMap<Uuid, Uuid>,
) -> Result<(), StoreError> {
    if left.is_empty() {
        return Ok(());
    }
    let from: Vec<Uuid> = left.keys().copied().collect();
    let to: Vec<Uuid> = left.values().copied().collect();
    sqlx::query!(
        r#"insert into crm_told (source, person_id, field, value_hash, told_at)
           select distinct on (moved.new, told.source, told.field, told.value_hash)
                  told.source, moved.new, told.field, told.value_hash, told.told_at
           from unnest($1::uuid[], $2::uuid[]) as moved (old, new) join crm_told told on told.person_id = moved.old
           join person on person.person_id = moved.new
           on conflict do nothing"#,
        &from,
        &to
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The contact among several that is told: the one that has our key, which no other can have beside it; else the one
/// that we know; else always the same.
pub(crate) fn contact_of<'a>(
    person_id: Uuid,
    known: Option<&str>,
    contacts: impl Iterator<Item = &'a SourceRecord>,
) -> Option<&'a SourceRecord> {
    let own = person_id.to_string();
    contacts.min_by_key(|record| {
        let id = record.external_id.as_str();
        (key_of(record) != Some(own.as_str()), Some(id) != known, id)
    })
}

/// The key that a contact has.
pub(crate) fn key_of(contact: &SourceRecord) -> Option<&str> {
    contact.record.as_ref()?.get("external_key")?.as_str()
}

/// Whether a key is our ID of another person. Any other key is the CRM's own affair.
#[must_use]
pub fn is_another_person(key: Option<&str>, person_id: Uuid) -> bool {
    key.and_then(|key| key.parse::<Uuid>().ok()).is_some_and(|other| other != person_id)
}

struct PersonState {
    person_id: Uuid,
    revision: i64,
    under_review: bool,
    key_elsewhere: bool,
    told: Option<Told>,
}

async fn person_rows(
    connection: &mut PgConnection,
    source: &str,
    persons: &[Uuid],
) -> Result<Vec<PersonState>, StoreError> {
    let rows = sqlx::query!(
        r#"select person.person_id, person.revision, account.external_id as "external_id?", account.told_hash as "told_hash?",
                  case when account.told_at > now() - interval '1 hour' then account.told_times else 0 end as "told_times!",
                  coalesce(account.told_at > now() - interval '5 seconds', false) as "just_now!",
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
                              -- One that is another's by now is not to be written to in this one's name.
                              and not exists (select from source_record other
                                              where other.source = own.source and other.external_id = own.external_id
                                                and other.person_id <> person.person_id)
                              order by own.told_at desc limit 1) account on true
           where person.person_id = any ($2) and person.merged_into is null"#,
        source,
        persons
    )
    .fetch_all(connection)
    .await?;
    let told = |external_id, hash, times, just_now| {
        Some(Told { external_id: external_id?, hash: hash?, times, just_now })
    };
    Ok(rows
        .into_iter()
        .map(|row| PersonState {
            person_id: row.person_id,
            revision: row.revision,
            under_review: row.under_review,
            key_elsewhere: row.key_elsewhere,
            told: told(row.external_id, row.told_hash, row.told_times, row.just_now),
        })
        .collect())
}

/// Writes rows, and answers which contacts are linked to that person only now.
async fn upsert(
    connection: &mut PgConnection,
    source: &str,
    written: &[WrittenContact],
) -> Result<Vec<String>, StoreError> {
    let ids: Vec<String> = written.iter().map(|contact| contact.external_id.clone()).collect();
    let persons: Vec<Uuid> = written.iter().map(|contact| contact.person_id).collect();
    let hashes: Vec<Vec<u8>> = written.iter().map(|contact| contact.told_hash.clone()).collect();
    let rows = sqlx::query!(
        r#"with before as (
               select external_id, person_id from crm_account where source = $1 and external_id = any ($2)),
           now_linked as (
               insert into crm_account as stored (source, external_id, person_id, told_hash)
               select distinct on (new.external_id) $1, new.external_id, new.person_id, new.told_hash
               from unnest($2::text[], $3::uuid[], $4::bytea[]) as new (external_id, person_id, told_hash)
               order by new.external_id
               on conflict (source, external_id) do update set
                   person_id = excluded.person_id,
                   linked_at = case when stored.person_id = excluded.person_id then stored.linked_at else now() end,
                   told_times = case when stored.told_hash = excluded.told_hash and stored.told_at > now() - interval '1 hour'
                                     then stored.told_times + 1 else 1 end,
                   told_hash = excluded.told_hash,
                   told_at = now()
               returning external_id, person_id)
           select external_id from now_linked
           where (external_id, person_id) not in (select external_id, person_id from before)"#,
        source,
        &ids,
        &persons,
        &hashes
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.external_id).collect())
}
