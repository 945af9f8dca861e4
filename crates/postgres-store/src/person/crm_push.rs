//! Tables `crm_push` and `crm_push_key`: the values that were pushed to each contact, as hashes. When a contact has a value that
//! was pushed to it, that is an echo and not the CRM's own assertion. The echo ends when the contact says something else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bounded::PgConnection;
use authority::{Field, Policy, SourceRecord};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use super::crm_account::WrittenContact;
use crate::records::source_record::{self, ChangedRow, SourceRow};
use crate::rules::Rules;
use crate::{Store, StoreError};

/// How many bytes the key has.
pub const PUSH_KEY_BYTES: usize = 32;

/// The key of the hashes of pushed values. A secret: no `Debug`.
#[derive(Clone)]
pub struct PushKey([u8; PUSH_KEY_BYTES]);

impl PushKey {
    /// The key with these bytes.
    pub const fn new(secret: [u8; PUSH_KEY_BYTES]) -> Self {
        Self(secret)
    }

    fn stored(secret: &[u8]) -> Result<Self, StoreError> {
        // The column's check constraint knows the same length.
        let wrong = |_| StoreError::Unavailable { code: String::from("crm_push_key") };
        Ok(Self(secret.try_into().map_err(wrong)?))
    }

    /// A hash by which two pushes to a source are compared without storing their values: the person whose key the contact gets,
    /// and the fields. Two spellings of one value are one push. The same value in another property is another push.
    pub fn hash_of_push(
        &self,
        policy: &Policy,
        target: &str,
        person_id: Uuid,
        fields: &BTreeMap<Field, String>,
    ) -> Vec<u8> {
        let key = person_id.to_string();
        let properties: BTreeMap<&Field, Option<&str>> = policy.pushed(target).collect();
        let part = |(field, value): (&Field, &String)| {
            let name = match properties.get(field).copied().flatten() {
                // No field has a colon in its name.
                Some(property) => format!("{field}:{property}"),
                None => field.to_string(),
            };
            (name, comparable(policy, field, &Value::from(value.as_str())))
        };
        let fields: Vec<(String, String)> = fields.iter().map(part).collect();
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.hash(std::iter::once(("", key.as_str())).chain(fields))
    }

    fn hash_of_value(&self, policy: &Policy, field: &Field, value: &str) -> Vec<u8> {
        self.hash([(field.as_str(), comparable(policy, field, &Value::from(value)).as_str())])
    }

    /// Whether a value of a record is the one with this hash, in any spelling.
    fn is_of(&self, policy: &Policy, field: &Field, value: &Value, hash: &[u8]) -> bool {
        if value.is_null() {
            return false;
        }
        let of_form = |form: &str| self.hash([(field.as_str(), form)]) == hash;
        let form = comparable(policy, field, value);
        // The release before hashed each value as a text in the source's spelling, and this one does so for most.
        of_form(&form) || value.as_str().is_some_and(|text| text.trim() != form && of_form(text))
    }

    fn hash<'a>(&self, parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
        // HMAC fills a key up to its block with zeros.
        let mut block = [0; 64];
        block[..PUSH_KEY_BYTES].copy_from_slice(&self.0);
        let mut hash = Hmac::<Sha256>::new(&block.into());
        for (name, value) in parts {
            hash.update(name.as_bytes());
            hash.update(&[0]);
            hash.update(value.trim().as_bytes());
            hash.update(&[0]);
        }
        hash.finalize().into_bytes().to_vec()
    }
}

/// A field that the policy no longer has is compared as a text.
fn comparable(policy: &Policy, field: &Field, value: &Value) -> String {
    match (policy.definition(field), value) {
        (Some(definition), value) => definition.comparable(value),
        (None, Value::String(text)) => text.trim().to_owned(),
        (None, value) => value.to_string(),
    }
}

/// The key. Every unit that computes persons needs it.
pub(super) async fn key(connection: &mut PgConnection) -> Result<PushKey, StoreError> {
    let secret = sqlx::query_scalar!("select secret from crm_push_key").fetch_one(connection).await?;
    PushKey::stored(&secret)
}

impl Store {
    /// Stores hashes of values that are about to be pushed to `contact`: the CRM's ID of it, or the key that a new contact
    /// gets. Call it before the push, so that the echo is recognised however soon it comes. Returns the push's ticket, for
    /// [`WrittenContact`].
    ///
    /// # Errors
    /// [`StoreError`]: then do not push.
    pub async fn remember_pushed(
        &self,
        source: &str,
        contact: &str,
        key: &PushKey,
        pushed: &BTreeMap<Field, String>,
    ) -> Result<i64, StoreError> {
        let policy = self.policy();
        let hashed =
            |(field, value): (&Field, &String)| (field.to_string(), key.hash_of_value(&policy, field, value));
        let (fields, hashes): (Vec<String>, Vec<Vec<u8>>) = pushed.iter().map(hashed).unzip();
        let ticket = sqlx::query_scalar!(
            r#"with ticket as (select nextval('refetch_ticket') as number),
                    remembered as (
                        insert into crm_push (source, contact, field, value_hash, begun_ticket, contact_version_at)
                        select $1, $2, pushed.field, pushed.hash, ticket.number,
                               (select version_at from source_record where source = $1 and external_id = $2)
                        from ticket, unnest($3::text[], $4::bytea[]) as pushed (field, hash) order by pushed.field
                        on conflict (source, contact, field, value_hash) do update set
                            begun_ticket = excluded.begun_ticket, written_ticket = null, pushed_at = now(),
                            contact_version_at = excluded.contact_version_at)
               select number as "number!" from ticket"#,
            source,
            contact,
            &fields,
            &hashes
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(ticket)
    }
}

/// Records that these contacts have what was pushed to them.
pub(super) async fn record_written(
    connection: &mut PgConnection,
    source: &str,
    written: &[WrittenContact],
) -> Result<(), StoreError> {
    let owners: HashMap<String, String> =
        written.iter().map(|one| (one.person_id.to_string(), one.external_id.clone())).collect();
    let contacts = written.iter().map(|one| one.external_id.clone()).chain(owners.keys().cloned());
    let contacts: Vec<String> = contacts.collect();
    let rows = lock(connection, source, &contacts).await?;
    adopt(connection, source, &rows, &owners).await?;
    let ids: Vec<String> = written.iter().map(|one| one.external_id.clone()).collect();
    let tickets: Vec<i64> = written.iter().map(|one| one.push_ticket).collect();
    // A value of another push is not known to have arrived.
    sqlx::query!(
        r#"with ticket as materialized (select nextval('refetch_ticket') as number)
           update crm_push pushed set written_ticket = ticket.number
           from ticket, unnest($2::text[], $3::bigint[]) as written (contact, begun_ticket)
           where pushed.source = $1 and pushed.contact = written.contact and pushed.begun_ticket = written.begun_ticket
             and pushed.written_ticket is null"#,
        source,
        &ids,
        &tickets
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A stored hash of a pushed value.
struct Row {
    contact: String,
    field: String,
    value_hash: Vec<u8>,
    begun_ticket: i64,
    written_ticket: Option<i64>,
    contact_version_at: Option<OffsetDateTime>,
    overdue: bool,
    secret: Vec<u8>,
}

/// The rows of these contacts, or keys of new contacts, locked. Always in this order: a push and a reading of several contacts
/// never wait for each other.
async fn lock(
    connection: &mut PgConnection,
    source: &str,
    contacts: &[String],
) -> Result<Vec<Row>, StoreError> {
    // A push takes seconds. If it is unknown after a day whether it arrived, and no reading has found it, it did not.
    let rows = sqlx::query_as!(
        Row,
        r#"select pushed.contact, pushed.field, pushed.value_hash, pushed.begun_ticket, pushed.written_ticket,
                  pushed.contact_version_at, pushed.pushed_at < now() - interval '1 day' as "overdue!", key.secret
           from crm_push pushed cross join crm_push_key key
           where pushed.source = $1 and pushed.contact = any ($2)
           order by pushed.contact, pushed.field, pushed.value_hash for update of pushed"#,
        source,
        contacts
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Gives rows that were stored under a new contact's key to that contact. `owners`: key and contact.
async fn adopt(
    connection: &mut PgConnection,
    source: &str,
    rows: &[Row],
    owners: &HashMap<String, String>,
) -> Result<(), StoreError> {
    let keyed: BTreeSet<&str> = rows.iter().map(|row| row.contact.as_str()).collect();
    let pairs = owners.iter().filter(|(key, _)| keyed.contains(key.as_str()));
    let (keys, contacts): (Vec<String>, Vec<String>) =
        pairs.map(|(key, contact)| (key.clone(), contact.clone())).unzip();
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"with adopted as (
               delete from crm_push pushed using unnest($2::text[], $3::text[]) as owner (key, contact)
               where pushed.source = $1 and pushed.contact = owner.key
               returning owner.contact, pushed.field, pushed.value_hash, pushed.begun_ticket, pushed.written_ticket,
                         pushed.pushed_at)
           insert into crm_push (source, contact, field, value_hash, begun_ticket, written_ticket, pushed_at)
           select $1, * from adopted
           on conflict (source, contact, field, value_hash) do update set
               begun_ticket = excluded.begun_ticket, written_ticket = excluded.written_ticket,
               pushed_at = excluded.pushed_at"#,
        source,
        &keys,
        &contacts
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the memory of pushed values for fields in which these contacts say something else now. Call it when readings of a CRM
/// are written, before persons are computed from them. A tombstone says nothing about values.
pub(crate) async fn end_where_contacts_differ<'a>(
    connection: &mut PgConnection,
    policy: &Policy,
    source: &str,
    written: impl Iterator<Item = &'a ChangedRow>,
    rows: &[SourceRow],
) -> Result<(), StoreError> {
    let rows: HashMap<&str, &SourceRow> = rows.iter().map(|row| (row.external_id.as_str(), row)).collect();
    let present = written.filter_map(|row| rows.get(row.external_id.as_str()).copied());
    let present: Vec<&SourceRow> = present.filter(|row| row.record.is_some()).collect();
    let owners: HashMap<String, String> = present
        .iter()
        .filter_map(|row| Some((row.keys.external_key.clone()?, row.external_id.clone())))
        // Any other key is the CRM's own.
        .filter(|(key, _)| key.parse::<Uuid>().is_ok())
        .collect();
    let contacts = present.iter().map(|row| row.external_id.clone()).chain(owners.keys().cloned());
    let contacts: Vec<String> = contacts.collect();
    if contacts.is_empty() {
        return Ok(());
    }
    let mut pushed = lock(connection, source, &contacts).await?;
    let Some(first) = pushed.first() else { return Ok(()) };
    let key = PushKey::stored(&first.secret)?;
    adopt(connection, source, &pushed, &owners).await?;
    for row in &mut pushed {
        if let Some(contact) = owners.get(&row.contact) {
            row.contact.clone_from(contact);
        }
    }
    let readings: HashMap<&str, &SourceRow> =
        present.iter().map(|row| (row.external_id.as_str(), *row)).collect();
    let (mut over, mut arrived) = (Vec::new(), Vec::new());
    for row in &pushed {
        let Some(reading) = readings.get(row.contact.as_str()) else { continue };
        let of_field =
            pushed.iter().filter(|other| (&other.contact, &other.field) == (&row.contact, &row.field));
        match fate(row, says(policy, &key, reading, row), of_field, reading) {
            Fate::Stays => {}
            Fate::Arrived => arrived.push(row),
            Fate::Over => over.push(row),
        }
    }
    delete(connection, source, &over).await?;
    mark_arrived(connection, source, &arrived).await
}

/// Whether the contact has the pushed value.
fn says(policy: &Policy, key: &PushKey, reading: &SourceRow, row: &Row) -> bool {
    let value = reading.record.as_ref().and_then(|record| record.get(&row.field));
    let field = row.field.parse::<Field>().ok();
    field.zip(value).is_some_and(|(field, value)| key.is_of(policy, &field, value, &row.value_hash))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Arrived,
    Over,
}

/// What follows from a reading for the memory of one pushed value. `says`: the contact has the value.
fn fate<'a>(row: &Row, says: bool, mut of_field: impl Iterator<Item = &'a Row>, reading: &SourceRow) -> Fate {
    let Some(written) = row.written_ticket else {
        return match (row.overdue, says) {
            (true, _) => Fate::Over,
            (false, true) => Fate::Arrived,
            (false, false) => Fate::Stays,
        };
    };
    let newer = match (reading.version_at, row.contact_version_at) {
        (Some(version), Some(before)) => version > before,
        _ => true,
    };
    // The reading may have begun before the push ended, or found an older state.
    if reading.ticket < written || !newer {
        return Fate::Stays;
    }
    // Another value was pushed afterwards. If the contact has this one again, the CRM says so.
    let replaced = of_field.any(|other| {
        other.begun_ticket > written && other.written_ticket.is_some_and(|then| then < reading.ticket)
    });
    if says && !replaced { Fate::Stays } else { Fate::Over }
}

async fn delete(connection: &mut PgConnection, source: &str, rows: &[&Row]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (contacts, fields, hashes) = columns(rows);
    sqlx::query!(
        r#"delete from crm_push where source = $1
             and (contact, field, value_hash) in (select * from unnest($2::text[], $3::text[], $4::bytea[]))"#,
        source,
        &contacts,
        &fields,
        &hashes
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn mark_arrived(connection: &mut PgConnection, source: &str, rows: &[&Row]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (contacts, fields, hashes) = columns(rows);
    // A new ticket: that of the reading may have been drawn before the push began.
    sqlx::query!(
        r#"with ticket as materialized (select nextval('refetch_ticket') as number)
           update crm_push pushed set written_ticket = ticket.number
           from ticket, unnest($2::text[], $3::text[], $4::bytea[]) as arrived (contact, field, hash)
           where pushed.source = $1 and pushed.contact = arrived.contact and pushed.field = arrived.field
             and pushed.value_hash = arrived.hash"#,
        source,
        &contacts,
        &fields,
        &hashes
    )
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (Vec<String>, Vec<String>, Vec<Vec<u8>>);

fn columns(rows: &[&Row]) -> Columns {
    (
        rows.iter().map(|row| row.contact.clone()).collect(),
        rows.iter().map(|row| row.field.clone()).collect(),
        rows.iter().map(|row| row.value_hash.clone()).collect(),
    )
}

/// All records of persons, tombstones included, with their echoes.
pub(super) async fn records_of_persons(
    connection: &mut PgConnection,
    rules: &Rules,
    persons: &[Uuid],
) -> Result<HashMap<Uuid, Vec<SourceRecord>>, StoreError> {
    let mut records = source_record::of_persons(connection, rules, persons).await?;
    note_echoes(connection, &rules.policy, &mut records).await?;
    Ok(records)
}

/// Finds the fields in which a contact has a value that was pushed to it.
async fn note_echoes(
    connection: &mut PgConnection,
    policy: &Policy,
    records: &mut HashMap<Uuid, Vec<SourceRecord>>,
) -> Result<(), StoreError> {
    let contacts = records.values().flatten().filter(|record| record.role.takes_pushes());
    let (sources, ids): (Vec<String>, Vec<String>) =
        contacts.map(|record| (record.source.clone(), record.external_id.clone())).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"select pushed.source, pushed.contact, pushed.field, pushed.value_hash, key.secret
           from unnest($1::text[], $2::text[]) as wanted (source, contact)
           join crm_push pushed using (source, contact) cross join crm_push_key key"#,
        &sources,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first() else { return Ok(()) };
    let key = PushKey::stored(&first.secret)?;
    let mut pushed: HashMap<_, Vec<_>> = HashMap::new();
    for row in &rows {
        pushed.entry((row.source.as_str(), row.contact.as_str())).or_default().push(row);
    }
    for record in records.values_mut().flatten().filter(|record| record.role.takes_pushes()) {
        let of_contact = pushed.get(&(record.source.as_str(), record.external_id.as_str()));
        for row in of_contact.into_iter().flatten() {
            let Ok(field) = row.field.parse() else { continue };
            let value = record.assertion(&field);
            if value.is_some_and(|value| key.is_of(policy, &field, value, &row.value_hash)) {
                record.echoes.insert(field);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Field {
        name.parse().unwrap()
    }

    #[test]
    fn a_hash_is_an_hmac_of_the_names_and_the_values() {
        let (key, policy) = (PushKey::new([7; PUSH_KEY_BYTES]), Policy::default());
        let hex = |hash: Vec<u8>| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        // Python: hmac.new(bytes([7] * 32), b"phone\0+1\0", "sha256").hexdigest()
        let phone = "fb55bb3d52935d6951468b82819bcfc31c540adac088570ec7d4a1c1bdb60c53";
        assert_eq!(hex(key.hash_of_value(&policy, &field("phone"), " +1 ")), phone);
        let of = |key: &PushKey, name| key.hash_of_value(&policy, &field(name), "+1");
        assert_ne!(of(&key, "email"), of(&key, "phone"));
        assert_ne!(of(&PushKey::new([8; PUSH_KEY_BYTES]), "phone"), of(&key, "phone"));
    }

    #[test]
    fn a_hash_is_of_every_spelling_of_the_value() {
        let (key, policy) = (PushKey::new([7; PUSH_KEY_BYTES]), Policy::default());
        for (name, pushed, read, expected) in [
            ("phone", "(202) 555-0177", "+12025550177", true),
            ("phone", "(202) 555-0177", "(202) 555-0178", false),
            ("email", "Ada@Example.org", " ada@example.org", true),
            ("given_name", "Ada", " Ada", true),
            ("given_name", "Ada", "ada", false),
            ("birthdate", "1988-04-09", "1988-04-09T00:00:00Z", true),
            ("undefined", "x", "x ", true),
        ] {
            let (field, read) = (field(name), Value::from(read));
            let hash = key.hash_of_value(&policy, &field, pushed);
            assert_eq!(key.is_of(&policy, &field, &read, &hash), expected, "{name} {pushed} {read}");
        }
    }

    #[test]
    fn a_hash_of_the_release_before_goes_on_counting() {
        let (key, policy) = (PushKey::new([7; PUSH_KEY_BYTES]), Policy::default());
        for (name, value) in
            [("phone", "(202) 555-0177"), ("email", "Ada@Example.org"), ("given_name", "Ada")]
        {
            let before = key.hash([(name, value)]);
            let read = Value::from(format!(" {value}"));
            assert!(key.is_of(&policy, &field(name), &read, &before), "{name}");
        }
    }

    #[test]
    fn pushes_for_two_persons_differ() {
        let (key, policy) = (PushKey::new([7; PUSH_KEY_BYTES]), Policy::default());
        let of = |person, phone: &str| {
            key.hash_of_push(
                &policy,
                "crm",
                Uuid::from_u128(person),
                &BTreeMap::from([(field("phone"), phone.to_owned())]),
            )
        };
        assert_eq!(of(1, "+1"), of(1, "+1 "));
        assert_eq!(of(1, "+1 202 555 0177"), of(1, "(202) 555-0177"));
        assert_ne!(of(1, "+1"), of(2, "+1"));
    }

    #[test]
    fn a_value_that_goes_to_another_property_is_another_push() {
        let key = PushKey::new([7; PUSH_KEY_BYTES]);
        let of = |target: &str, map: &str| {
            let text = format!("push.crm.fields = [\"phone\", \"email\"]\n{map}");
            let policy = Policy::parse(&text, &["crm", "other"]).unwrap();
            let fields = [("phone", "+1"), ("email", "a@idp")];
            let fields = fields.map(|(name, value)| (field(name), value.to_owned())).into();
            key.hash_of_push(&policy, target, Uuid::from_u128(1), &fields)
        };
        let (home, mobile) = ("push.crm.map.phone = \"HomePhone\"", "push.crm.map.phone = \"MobilePhone\"");
        assert_ne!(of("crm", home), of("crm", mobile));
        assert_ne!(of("crm", ""), of("crm", mobile), "the connector's own");
        assert_eq!(of("crm", home), of("crm", home));
        assert_eq!(of("other", home), of("other", mobile), "the property of another source");
    }
}
