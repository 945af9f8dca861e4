//! Which person a record belongs to: by a key that proves it, or by a decision. Never by a guess.
//!
//! A record that is new goes to the person who has the same key: our own ID of the person, a key that sources share, or
//! an address that both sources have verified. What speaks for a link without proving it, or for more than one, is put
//! into `link_review`, and the record stays where it is. Every link that is made is a row in `link_decision`.
//!
//! A link stays when the key that made it changes: a new address does not make a new person. A decision that a person
//! took is never changed by a key.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;
use crate::source_record::{LinkKeys, Source};

/// A live record whose content changed, and what may link it.
pub(crate) struct Linkable<'a> {
    pub external_id: &'a str,
    pub person_id: Uuid,
    /// It was not there before: its person is one that nobody knows yet.
    pub new: bool,
    pub keys: &'a LinkKeys,
}

/// What speaks for a link of one record.
#[derive(Default)]
pub(crate) struct Evidence {
    /// Persons with the same key.
    by_key: BTreeSet<Uuid>,
    /// Persons with the same verified address in another source.
    by_email: BTreeSet<Uuid>,
    /// Persons who have a live record of the same source already.
    same_source: BTreeSet<Uuid>,
    /// A person has decided about this record.
    decided: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    Stay,
    Move { to: Uuid, reason: &'static str },
    Review { candidates: BTreeSet<Uuid>, reason: &'static str },
}

/// The rules. Pure.
fn decide(record: &Linkable<'_>, evidence: &Evidence) -> Link {
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

/// Links records that changed, and answers where they belong now.
///
/// Records that share a key with another of the batch are linked one after the other, so that each sees where those
/// before it went; all others with one question.
pub(crate) async fn link(
    connection: &mut PgConnection,
    source: Source<'_>,
    author: &str,
    records: &[Linkable<'_>],
) -> Result<Links, StoreError> {
    let new = records.iter().filter(|record| record.new).map(|record| record.person_id).collect();
    let mut links = Links { new, ..Links::default() };
    let keyed: Vec<&Linkable<'_>> = records
        .iter()
        .filter(|record| record.keys.external_key.is_some() || record.keys.verified_email.is_some())
        .collect();
    if keyed.is_empty() {
        return Ok(links);
    }
    lock_keys(connection, &keyed).await?;
    let shared = shared_keys(&keyed);
    let sharing = |record: &&&Linkable<'_>| {
        let keys = [&record.keys.external_key, &record.keys.verified_email];
        keys.into_iter().flatten().any(|key| shared.contains(key.as_str()))
    };
    let alone: Vec<&Linkable<'_>> = keyed.iter().filter(|record| !sharing(record)).copied().collect();
    link_at_once(connection, source, author, &alone, &[], &mut links).await?;
    let mut waiting: Vec<&Linkable<'_>> = keyed.iter().filter(sharing).copied().collect();
    while let Some(record) = waiting.pop() {
        // Where those go that wait for their turn is not known yet, so they speak for nothing.
        let silent: Vec<String> = waiting.iter().map(|other| other.external_id.to_owned()).collect();
        link_at_once(connection, source, author, &[record], &silent, &mut links).await?;
    }
    Ok(links)
}

/// Keys and addresses that several records of the batch have.
fn shared_keys<'a>(records: &[&'a Linkable<'_>]) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let keys = records.iter().flat_map(|record| [&record.keys.external_key, &record.keys.verified_email]);
    keys.flatten().map(String::as_str).filter(|key| !seen.insert(*key)).collect()
}

async fn link_at_once(
    connection: &mut PgConnection,
    source: Source<'_>,
    author: &str,
    records: &[&Linkable<'_>],
    silent: &[String],
    links: &mut Links,
) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let evidence = evidence(connection, source, records, silent).await?;
    let none = Evidence::default();
    let (mut moves, mut reviews) = (BTreeMap::new(), Vec::new());
    for record in records {
        match decide(record, evidence.get(record.external_id).unwrap_or(&none)) {
            Link::Stay => {}
            Link::Move { to, reason } => {
                moves.insert(record.external_id.to_owned(), Moved { from: record.person_id, to, reason });
            }
            Link::Review { candidates, reason } => {
                reviews.extend(candidates.into_iter().map(|to| (record.external_id.to_owned(), to, reason)));
            }
        }
    }
    write_moves(connection, source, author, &moves).await?;
    write_reviews(connection, source, &reviews).await?;
    links.moves.extend(moves);
    Ok(())
}

/// What was linked.
#[derive(Default)]
pub(crate) struct Links {
    moves: BTreeMap<String, Moved>,
    /// Persons all of whose records went to another, by a merge at their source.
    merged: HashMap<Uuid, Uuid>,
    /// Persons that were proposed for new records, and have no row yet.
    new: BTreeSet<Uuid>,
}

struct Moved {
    from: Uuid,
    to: Uuid,
    reason: &'static str,
}

impl Links {
    /// The person that a record was moved to.
    pub(crate) fn moved(&self, external_id: &str) -> Option<Uuid> {
        self.moves.get(external_id).map(|moved| self.destination(moved.to))
    }

    /// Persons that a record left, and where it is now.
    pub(crate) fn left(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        let moved = self.moves.values().map(|moved| (moved.from, self.destination(moved.to)));
        moved.chain(self.merged.keys().map(|person| (*person, self.destination(*person))))
    }

    /// Whether a person was proposed for a new record of this batch.
    pub(crate) fn is_new(&self, person: Uuid) -> bool {
        self.new.contains(&person)
    }

    /// Takes note that all records of a person went to another.
    pub(crate) fn person_left(&mut self, person: Uuid, to: Uuid) {
        self.merged.insert(person, to);
    }

    /// Persons all of whose records went to others.
    pub(crate) fn emptied(&self) -> BTreeSet<Uuid> {
        self.merged.keys().copied().collect()
    }

    /// Where the records of `person` are, if they all went to others in this batch.
    pub(crate) fn destination(&self, person: Uuid) -> Uuid {
        let next = self.merged.get(&person).copied().filter(|next| *next != person);
        // Whoever was merged has no records to be merged again, so this ends.
        next.map_or(person, |next| self.destination(next))
    }
}

/// Two records with one key that arrive at the same time must not both look before either is there.
pub(crate) async fn lock_keys(
    connection: &mut PgConnection,
    records: &[&Linkable<'_>],
) -> Result<(), StoreError> {
    let keys = records.iter().flat_map(|record| [&record.keys.external_key, &record.keys.verified_email]);
    let keys: BTreeSet<&String> = keys.flatten().collect();
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    sqlx::query!(
        r#"select count(pg_advisory_xact_lock(hashtextextended(sorted.key, 0))) as "locked!"
           from (select key from unnest($1::text[]) as wanted (key) order by key) sorted"#,
        &keys
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn evidence(
    connection: &mut PgConnection,
    source: Source<'_>,
    records: &[&Linkable<'_>],
    silent: &[String],
) -> Result<HashMap<String, Evidence>, StoreError> {
    let ids: Vec<String> = records.iter().map(|record| record.external_id.to_owned()).collect();
    let keys: Vec<Option<String>> = records.iter().map(|record| record.keys.external_key.clone()).collect();
    let emails: Vec<Option<String>> =
        records.iter().map(|record| record.keys.verified_email.clone()).collect();
    let persons: Vec<Uuid> = records.iter().map(|record| record.person_id).collect();
    // A key that is one of our own IDs.
    let own: Vec<Option<Uuid>> = keys.iter().map(|key| key.as_deref()?.parse().ok()).collect();
    let rows = sqlx::query!(
        r#"with wanted as (
               select * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[])
                   as wanted (id, key, email, own, person)),
           found as (
               select wanted.id, other.person_id, 'key' as by from wanted
               join source_record other on other.external_key = wanted.key and other.gone_at is null
               where (other.source, other.external_id) <> ($1, wanted.id)
                 and (other.source <> $1 or other.external_id <> all ($7))
               union
               select wanted.id, coalesce(person.merged_into, person.person_id), 'key' from wanted
               join person on person.person_id = wanted.own
               union
               select wanted.id, other.person_id, 'email' from wanted
               join source_record other on other.verified_email = wanted.email and other.gone_at is null
               where (other.source, other.external_id) <> ($1, wanted.id)
                 and (other.source <> $1 or other.external_id <> all ($7)))
           select found.id as "id!", found.person_id as "person_id!", found.by as "by!",
                  exists (select from source_record own where own.person_id = found.person_id and own.source = $1
                          and own.external_id <> found.id and own.gone_at is null) as "same_source!",
                  (select last.author not like 'coppice:%' from link_decision last
                   where last.source = $1 and last.external_id = found.id
                   order by last.decision_id desc limit 1) as decided
           from found join wanted using (id)
           where found.person_id is not null
             -- Whom somebody has told apart is no candidate, whichever of the two has got the key.
             and not exists (
                 select from link_review apart
                 join source_record reviewed on reviewed.source = apart.source and reviewed.external_id = apart.external_id
                 where apart.verdict = 'separate' and apart.candidate_person_id in (found.person_id, wanted.person)
                   and reviewed.person_id in (found.person_id, wanted.person))"#,
        source.name,
        &ids,
        &keys as &[Option<String>],
        &emails as &[Option<String>],
        &own as &[Option<Uuid>],
        &persons,
        silent
    )
    .fetch_all(connection)
    .await?;
    let mut evidence: HashMap<String, Evidence> = HashMap::new();
    for row in rows {
        let one = evidence.entry(row.id).or_default();
        let by = if row.by == "key" { &mut one.by_key } else { &mut one.by_email };
        by.insert(row.person_id);
        if row.same_source {
            one.same_source.insert(row.person_id);
        }
        one.decided |= row.decided == Some(true);
    }
    Ok(evidence)
}

async fn write_moves(
    connection: &mut PgConnection,
    source: Source<'_>,
    author: &str,
    moves: &BTreeMap<String, Moved>,
) -> Result<(), StoreError> {
    if moves.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = moves.keys().cloned().collect();
    let from: Vec<Uuid> = moves.values().map(|moved| moved.from).collect();
    let to: Vec<Uuid> = moves.values().map(|moved| moved.to).collect();
    let reasons: Vec<String> = moves.values().map(|moved| moved.reason.to_owned()).collect();
    sqlx::query!(
        r#"with moved as (select * from unnest($2::text[], $3::uuid[], $4::uuid[], $5::text[]) as moved (id, old, new, reason)),
           decided as (
               insert into link_decision (source, external_id, from_person_id, to_person_id, reason, author)
               select $1, id, old, new, reason, $6 from moved order by id)
           update source_record set person_id = moved.new from moved
           where source_record.source = $1 and source_record.external_id = moved.id"#,
        source.name,
        &ids,
        &from,
        &to,
        &reasons,
        author
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_reviews(
    connection: &mut PgConnection,
    source: Source<'_>,
    reviews: &[(String, Uuid, &'static str)],
) -> Result<(), StoreError> {
    if reviews.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = reviews.iter().map(|(id, _, _)| id.clone()).collect();
    let persons: Vec<Uuid> = reviews.iter().map(|(_, person, _)| *person).collect();
    let reasons: Vec<String> = reviews.iter().map(|(_, _, reason)| (*reason).to_owned()).collect();
    // One that was decided stays decided.
    sqlx::query!(
        r#"insert into link_review (source, external_id, candidate_person_id, reason)
           select $1, review.* from unnest($2::text[], $3::uuid[], $4::text[]) as review (id, person, reason)
           join source_record reviewed on reviewed.source = $1 and reviewed.external_id = review.id
           where reviewed.person_id <> review.person
           order by review.id, review.person
           on conflict do nothing"#,
        source.name,
        &ids,
        &persons,
        &reasons
    )
    .execute(connection)
    .await?;
    Ok(())
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

    /// Whether it is new; persons by key, by address, with a record of the same source; whether it was decided; the link.
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
