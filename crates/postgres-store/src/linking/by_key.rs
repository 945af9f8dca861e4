//! Links records by proof: by a key, never by a guess. A new record goes to the person with the same key: our own ID of the
//! person, a key that sources share, or an address that both sources have verified. Evidence that proves nothing, or that
//! points to several persons, goes to `link_review`, and the record stays where it is. Every link is a row in `link_decision`.
//!
//! A link stays when the key that made it changes: a new address does not make a new person. A key never changes a decision of
//! an operator.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::links::{Links, Moved};
use super::rule::{Evidence, Link, Linkable, decide};
use crate::StoreError;
use crate::bounded::PgConnection;
use crate::records::source_record::Source;

pub(crate) async fn link(
    connection: &mut PgConnection,
    source: Source<'_>,
    author: &str,
    records: &[Linkable<'_>],
) -> Result<Links, StoreError> {
    let new = records.iter().filter(|record| record.new).map(|record| record.person_id).collect();
    let mut links = Links::proposing(new);
    let keyed: Vec<&Linkable<'_>> = records
        .iter()
        .filter(|record| record.keys.external_key.is_some() || record.keys.verified_email.is_some())
        .collect();
    if keyed.is_empty() {
        return Ok(links);
    }
    lock_keys(connection, &keyed).await?;
    // Records that share a key with another record of the batch are linked one after the other, so that each sees the link of
    // the one before. All others are linked with one query.
    let shared = shared_keys(&keyed);
    let sharing = |record: &&&Linkable<'_>| {
        let keys = [&record.keys.external_key, &record.keys.verified_email];
        keys.into_iter().flatten().any(|key| shared.contains(key.as_str()))
    };
    let alone: Vec<&Linkable<'_>> = keyed.iter().filter(|record| !sharing(record)).copied().collect();
    link_at_once(connection, source, author, &alone, &[], &mut links).await?;
    let mut waiting: Vec<&Linkable<'_>> = keyed.iter().filter(sharing).copied().collect();
    while let Some(record) = waiting.pop() {
        // The records that are still waiting have no settled person yet, so they are no evidence.
        let silent: Vec<String> = waiting.iter().map(|other| other.external_id.to_owned()).collect();
        link_at_once(connection, source, author, &[record], &silent, &mut links).await?;
    }
    Ok(links)
}

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

pub(super) async fn lock_keys(
    connection: &mut PgConnection,
    records: &[&Linkable<'_>],
) -> Result<(), StoreError> {
    let keys = records.iter().flat_map(|record| [&record.keys.external_key, &record.keys.verified_email]);
    let keys: BTreeSet<&String> = keys.flatten().collect();
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    // Two records with one key that arrive at the same time must not both look for the other before either is stored.
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
    // A key may be our own ID of a person.
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
             -- Two persons that an operator separated are never linked, whichever of the two has the key.
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
    // A decided review stays decided.
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
