//! Follows merges at the source: accounts linked at the identity provider, contacts merged in the CRM. The merged record is
//! gone. The other records of its person move to the remaining record's person. There are two exceptions, which go to
//! `link_review`: both persons have a live record of one source, or an operator has decided about one of the records.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::links::Links;
use crate::StoreError;
use crate::bounded::PgConnection;
use crate::records::source_record::Source;

const REASON: &str = "merged_at_source";

struct Owned {
    source: String,
    external_id: String,
    live: bool,
    decided: bool,
}

/// Follows the merges in which one of the changed records takes part. Adds merged persons to `links`.
pub(crate) async fn follow(
    connection: &mut PgConnection,
    source: Source<'_>,
    author: &str,
    changed: &[String],
    links: &mut Links,
) -> Result<(), StoreError> {
    for (from, to) in merges(connection, source, changed).await? {
        let (from, to) = (links.destination(from), links.destination(to));
        if from == to {
            continue;
        }
        let (leaving, staying) = (owned(connection, from).await?, owned(connection, to).await?);
        if may_follow(&leaving, &staying) {
            move_all(connection, from, to, author).await?;
            links.person_left(from, to);
        } else {
            review(connection, &leaving, to).await?;
        }
    }
    Ok(())
}

fn may_follow(leaving: &[Owned], staying: &[Owned]) -> bool {
    let live = |records: &[Owned]| -> BTreeSet<String> {
        records.iter().filter(|record| record.live).map(|record| record.source.clone()).collect()
    };
    live(leaving).is_disjoint(&live(staying)) && !leaving.iter().chain(staying).any(|record| record.decided)
}

async fn merges(
    connection: &mut PgConnection,
    source: Source<'_>,
    changed: &[String],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    // Either the merged record names the remaining one (a CRM keeps that), or the remaining one names it (among an account's
    // ways to sign in). Whichever of the two changed last, the pair is found.
    let rows = sqlx::query!(
        r#"with merged as (
               select lost.external_id as lost, lost.merged_into as kept from source_record lost
               where lost.source = $1 and lost.external_id = any ($2) and lost.merged_into is not null
               union
               select lost.external_id, lost.merged_into from source_record lost
               where lost.source = $1 and lost.merged_into = any ($2)
               union
               select named.provider || '|' || named.subject, named.external_id from identity named
               where named.source = $1 and named.external_id = any ($2)
               union
               select wanted.id, named.external_id from unnest($2::text[]) as wanted (id)
               join identity named on named.source = $1 and strpos(wanted.id, '|') > 0
                    and named.subject = substr(wanted.id, strpos(wanted.id, '|') + 1)
                    and named.provider || '|' || named.subject = wanted.id)
           select lost.person_id as "from_person!", kept.person_id as "to_person!" from merged
           join source_record lost on lost.source = $1 and lost.external_id = merged.lost and lost.gone_at is not null
           join source_record kept on kept.source = $1 and kept.external_id = merged.kept
           where lost.external_id <> kept.external_id and lost.person_id <> kept.person_id
           order by lost.external_id"#,
        source.name,
        changed
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.from_person, row.to_person)).collect())
}

async fn owned(connection: &mut PgConnection, person: Uuid) -> Result<Vec<Owned>, StoreError> {
    // Two statements: one that waits for a row reads the other tables as they were before the wait. An operator's decision
    // about a record, which locks its row, would be missed.
    sqlx::query!(
        "select 1 as locked from source_record where person_id = $1 order by source, external_id for update",
        person
    )
    .fetch_all(&mut *connection)
    .await?;
    let rows = sqlx::query!(
        r#"select source, external_id, gone_at is null as "live!",
                  coalesce((select last.author not like 'coppice:%' from link_decision last
                            where last.source = own.source and last.external_id = own.external_id
                            order by last.decision_id desc limit 1), false) as "decided!"
           from source_record own where person_id = $1"#,
        person
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Owned {
            source: row.source,
            external_id: row.external_id,
            live: row.live,
            decided: row.decided,
        })
        .collect())
}

async fn move_all(
    connection: &mut PgConnection,
    from: Uuid,
    to: Uuid,
    author: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"with moved as (
               update source_record set person_id = $2 where person_id = $1 returning source, external_id),
           named as (update identity set person_id = $2 where person_id = $1)
           insert into link_decision (source, external_id, from_person_id, to_person_id, reason, author)
           select source, external_id, $1, $2, $3, $4 from moved order by source, external_id"#,
        from,
        to,
        REASON,
        author
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn review(connection: &mut PgConnection, leaving: &[Owned], to: Uuid) -> Result<(), StoreError> {
    let live = || leaving.iter().filter(|record| record.live);
    let sources: Vec<String> = live().map(|record| record.source.clone()).collect();
    let ids: Vec<String> = live().map(|record| record.external_id.clone()).collect();
    sqlx::query!(
        r#"insert into link_review (source, external_id, candidate_person_id, reason)
           select review.source, review.external_id, $3, $4
           from unnest($1::text[], $2::text[]) as review (source, external_id) on conflict do nothing"#,
        &sources,
        &ids,
        to,
        REASON
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(source: &str, live: bool, decided: bool) -> Owned {
        Owned { source: source.to_owned(), external_id: String::from("1"), live, decided }
    }

    #[test]
    fn records_follow_unless_both_persons_have_a_source_in_use_or_an_operator_decided() {
        let idp = |live| record("idp", live, false);
        let crm = || record("crm", true, false);
        let table = [
            (vec![idp(false), crm()], vec![idp(true)], true),
            (vec![idp(false)], vec![idp(true), crm()], true),
            (vec![idp(false), crm()], vec![idp(true), crm()], false),
            (vec![idp(false), record("crm", true, true)], vec![idp(true)], false),
            (vec![idp(false)], vec![idp(true), record("crm", true, true)], false),
        ];
        for (number, (leaving, staying, expected)) in table.into_iter().enumerate() {
            assert_eq!(may_follow(&leaving, &staying), expected, "{number}");
        }
    }
}
