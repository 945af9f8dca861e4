//! Table `crm_account`: which contact of a CRM is a person's account, and how often the same values were pushed to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use authority::{Field, Policy};
use event_contract::EventKind;
use uuid::Uuid;

use super::crm_push;
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
    /// [`PushKey::hash_of_push`](crate::PushKey::hash_of_push) of the push.
    pub pushed_hash: Vec<u8>,
    /// What [`Store::remember_pushed`] returned for the push.
    pub push_ticket: i64,
    /// How to announce the link, if it is new.
    pub announce: Announce,
}

impl Store {
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
        // In the order of a reading, which locks these rows before persons.
        crm_push::record_written(&mut transaction, source, written).await?;
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

async fn upsert(
    connection: &mut PgConnection,
    source: &str,
    written: &[WrittenContact],
) -> Result<Vec<String>, StoreError> {
    let ids: Vec<String> = written.iter().map(|contact| contact.external_id.clone()).collect();
    let persons: Vec<Uuid> = written.iter().map(|contact| contact.person_id).collect();
    let hashes: Vec<Vec<u8>> = written.iter().map(|contact| contact.pushed_hash.clone()).collect();
    let tickets: Vec<i64> = written.iter().map(|contact| contact.push_ticket).collect();
    // "New" means linked at this transaction's time: another transaction that writes the same contact meanwhile is not visible
    // before it has committed.
    let rows = sqlx::query!(
        r#"with written as (
               insert into crm_account as stored (source, external_id, person_id, pushed_hash, push_ticket)
               select distinct on (new.external_id) $1, new.external_id, new.person_id, new.pushed_hash, new.push_ticket
               from unnest($2::text[], $3::uuid[], $4::bytea[], $5::bigint[])
                    as new (external_id, person_id, pushed_hash, push_ticket)
               order by new.external_id
               on conflict (source, external_id) do update set
                   person_id = excluded.person_id,
                   linked_at = case when stored.person_id = excluded.person_id then stored.linked_at else now() end,
                   pushed_times = case when stored.pushed_hash is distinct from excluded.pushed_hash
                                         or stored.pushed_at <= now() - interval '1 hour' then 1
                                       -- Only a reading shows that the CRM has changed the values back.
                                       when exists (select from source_record contact
                                                    where contact.source = stored.source and contact.external_id = stored.external_id
                                                      and contact.ticket > stored.push_ticket) then stored.pushed_times + 1
                                       else stored.pushed_times end,
                   pushed_hash = excluded.pushed_hash,
                   push_ticket = excluded.push_ticket,
                   pushed_at = now()
               returning external_id, linked_at = now() as is_new)
           select external_id from written where is_new"#,
        source,
        &ids,
        &persons,
        &hashes,
        &tickets
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.external_id).collect())
}

/// The contact of each person and source that was pushed to last. `crm-account` compares this one with the person.
pub(crate) async fn last_pushed(
    connection: &mut PgConnection,
    persons: &[Uuid],
) -> Result<HashMap<(Uuid, String), String>, StoreError> {
    if persons.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select distinct on (own.person_id, own.source) own.person_id, own.source, own.external_id
           from crm_account own
           where own.person_id = any ($1)
             and not exists (select from source_record other
                             where other.source = own.source and other.external_id = own.external_id
                               and other.person_id <> own.person_id)
           order by own.person_id, own.source, own.pushed_at desc"#,
        persons
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.person_id, row.source), row.external_id)).collect())
}

/// What differs between persons and their records in the sources that are pushed to: which fields a push would write.
pub(crate) type Differing = BTreeMap<(Uuid, String), BTreeMap<Field, String>>;

/// Those persons and sources whose contact a user of the source changed back [`MOST_REPEATS`] times after a push of the same values.
pub(crate) async fn contested(
    connection: &mut PgConnection,
    policy: &Policy,
    differing: &Differing,
) -> Result<BTreeSet<(Uuid, String)>, StoreError> {
    if differing.is_empty() {
        return Ok(BTreeSet::new());
    }
    let key = crm_push::key(connection).await?;
    let (persons, sources): (Vec<Uuid>, Vec<String>) = differing.keys().cloned().unzip();
    let hashes =
        differing.iter().map(|((person, source), fields)| key.hash_of_push(policy, source, *person, fields));
    let hashes: Vec<Vec<u8>> = hashes.collect();
    // Each reading of such a contact finds the same difference, and nothing follows from it.
    let contested = sqlx::query!(
        r#"select account.person_id, account.source from crm_account account
           join unnest($1::uuid[], $2::text[], $3::bytea[]) as differing (person_id, source, hash)
             on differing.person_id = account.person_id and differing.source = account.source
            and differing.hash = account.pushed_hash
           where account.pushed_times >= $4 and account.pushed_at > now() - interval '1 hour'"#,
        &persons,
        &sources,
        &hashes,
        MOST_REPEATS
    )
    .fetch_all(connection)
    .await?;
    Ok(contested.into_iter().map(|row| (row.person_id, row.source)).collect())
}
