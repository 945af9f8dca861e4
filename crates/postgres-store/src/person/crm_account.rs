//! Tables `crm_account` and `crm_push`: which contact of a CRM is a person's account, and the values last pushed to it.

use std::collections::{BTreeSet, HashMap};

use authority::Field;
use event_contract::EventKind;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::bounded::PgConnection;
use crate::outbox::{self, Announce, announcement};
use crate::{Store, StoreError};

/// How many times in a row, within an hour, the same values are pushed to a contact in which a user of the CRM changes them
/// back. Then the CRM's value stays until the person changes.
pub const MOST_REPEATS: i32 = 3;

/// A contact that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenContact {
    /// Its person.
    pub person_id: Uuid,
    /// The person's revision that was pushed.
    pub revision: i64,
    /// The CRM's ID of the contact.
    pub external_id: String,
    /// [`pushed_hash`] of the pushed fields.
    pub pushed_hash: Vec<u8>,
    /// How to announce the link, if it is new.
    pub announce: Announce,
}

/// A hash by which two pushes are compared without storing their values.
pub fn pushed_hash<'a>(fields: impl IntoIterator<Item = (Field, &'a str)>) -> Vec<u8> {
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
    /// Stores hashes of values. Call it before the push, so that the echo is recognised however soon it comes.
    ///
    /// # Errors
    /// [`StoreError`]: then do not push.
    pub async fn remember_pushed<'a>(
        &self,
        source: &str,
        person_id: Uuid,
        pushed: impl IntoIterator<Item = (Field, &'a str)>,
    ) -> Result<(), StoreError> {
        let (fields, values): (Vec<String>, Vec<String>) =
            pushed.into_iter().map(|(field, value)| (field.to_string(), value.trim().to_owned())).unzip();
        sqlx::query!(
            r#"insert into crm_push (source, person_id, field, value_hash)
               select $1, $2, pushed.field, sha256(convert_to(pushed.value, 'UTF8'))
               from unnest($3::text[], $4::text[]) as pushed (field, value) order by pushed.field
               on conflict (person_id, source, field, value_hash) do update set pushed_at = now()"#,
            source,
            person_id,
            &fields,
            &values
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records pushed contacts. Announces each new link in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was recorded, and the contacts are pushed once more.
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

pub(crate) async fn follow(
    connection: &mut PgConnection,
    left: &HashMap<Uuid, Uuid>,
) -> Result<(), StoreError> {
    if left.is_empty() {
        return Ok(());
    }
    // The values of a merged person were pushed for the person who has its records now.
    let from: Vec<Uuid> = left.keys().copied().collect();
    let to: Vec<Uuid> = left.values().copied().collect();
    sqlx::query!(
        r#"insert into crm_push (source, person_id, field, value_hash, pushed_at)
           select distinct on (moved.new, pushed.source, pushed.field, pushed.value_hash)
                  pushed.source, moved.new, pushed.field, pushed.value_hash, pushed.pushed_at
           from unnest($1::uuid[], $2::uuid[]) as moved (old, new) join crm_push pushed on pushed.person_id = moved.old
           join person on person.person_id = moved.new
           on conflict do nothing"#,
        &from,
        &to
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert(
    connection: &mut PgConnection,
    source: &str,
    written: &[WrittenContact],
) -> Result<Vec<String>, StoreError> {
    let ids: Vec<String> = written.iter().map(|contact| contact.external_id.clone()).collect();
    let persons: Vec<Uuid> = written.iter().map(|contact| contact.person_id).collect();
    let hashes: Vec<Vec<u8>> = written.iter().map(|contact| contact.pushed_hash.clone()).collect();
    // "New" means linked at this transaction's time: another transaction that writes the same contact meanwhile is not visible
    // before it has committed.
    let rows = sqlx::query!(
        r#"with written as (
               insert into crm_account as stored (source, external_id, person_id, pushed_hash)
               select distinct on (new.external_id) $1, new.external_id, new.person_id, new.pushed_hash
               from unnest($2::text[], $3::uuid[], $4::bytea[]) as new (external_id, person_id, pushed_hash)
               order by new.external_id
               on conflict (source, external_id) do update set
                   person_id = excluded.person_id,
                   linked_at = case when stored.person_id = excluded.person_id then stored.linked_at else now() end,
                   pushed_times = case when stored.pushed_hash = excluded.pushed_hash and stored.pushed_at > now() - interval '1 hour'
                                     then stored.pushed_times + 1 else 1 end,
                   pushed_hash = excluded.pushed_hash,
                   pushed_at = now()
               returning external_id, linked_at = now() as is_new)
           select external_id from written where is_new"#,
        source,
        &ids,
        &persons,
        &hashes
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.external_id).collect())
}

/// Those persons whose contact a user of the CRM changed back [`MOST_REPEATS`] times after a push with the same hash.
pub(crate) async fn contested(
    connection: &mut PgConnection,
    differing: &[(Uuid, Vec<u8>)],
) -> Result<BTreeSet<Uuid>, StoreError> {
    if differing.is_empty() {
        return Ok(BTreeSet::new());
    }
    // Each reading of such a contact finds the same difference, and nothing follows from it.
    let (persons, hashes): (Vec<Uuid>, Vec<Vec<u8>>) = differing.iter().cloned().unzip();
    let contested = sqlx::query_scalar!(
        r#"select account.person_id from crm_account account
           join unnest($1::uuid[], $2::bytea[]) as differing (person_id, hash)
             on differing.person_id = account.person_id and differing.hash = account.pushed_hash
           where account.pushed_times >= $3 and account.pushed_at > now() - interval '1 hour'"#,
        &persons,
        &hashes,
        MOST_REPEATS
    )
    .fetch_all(connection)
    .await?;
    Ok(contested.into_iter().collect())
}
