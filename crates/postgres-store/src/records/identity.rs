//! Table `identity`: the ways to sign in that each record names. Only readings of that record change a row. When accounts are
//! linked, a way to sign in moves from one record to another. The two may be read in any order: for a moment both name it, or
//! neither; in the end only the one that has it at the source. A row that moved between records would need an order between
//! readings of different records, and there is none.

use std::collections::HashMap;

use uuid::Uuid;

use crate::StoreError;
use crate::bounded::PgConnection;

/// One way to sign in, as a source names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The system that authenticates: `auth0`, `google-oauth2`, `scim`.
    pub provider: String,
    /// That system's ID of the account.
    pub subject: String,
    /// The connection, where the source has connections.
    pub connection: Option<String>,
}

pub(crate) async fn replace(
    connection: &mut PgConnection,
    source: &str,
    records: &[(String, Uuid, &[Identity])],
) -> Result<(), StoreError> {
    let external_ids: Vec<String> = records.iter().map(|(id, _, _)| id.clone()).collect();
    let rows = || {
        records.iter().flat_map(|(id, person, list)| list.iter().map(move |identity| (id, person, identity)))
    };
    let providers: Vec<String> = rows().map(|(_, _, identity)| identity.provider.clone()).collect();
    let subjects: Vec<String> = rows().map(|(_, _, identity)| identity.subject.clone()).collect();
    let connections: Vec<Option<String>> =
        rows().map(|(_, _, identity)| identity.connection.clone()).collect();
    let owners: Vec<String> = rows().map(|(id, _, _)| id.clone()).collect();
    let persons: Vec<Uuid> = rows().map(|(_, person, _)| *person).collect();
    sqlx::query!(
        r#"delete from identity
           where source = $1 and external_id = any ($2)
             and (external_id, provider, subject) not in (select * from unnest($3::text[], $4::text[], $5::text[]))"#,
        source,
        &external_ids,
        &owners,
        &providers,
        &subjects
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"insert into identity as stored (source, external_id, provider, subject, connection, person_id)
           select distinct on (new.external_id, new.provider, new.subject) $1, new.*
           from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])
                as new (external_id, provider, subject, connection, person_id)
           order by new.external_id, new.provider, new.subject
           on conflict (source, external_id, provider, subject) do update set
               connection = excluded.connection, person_id = excluded.person_id
           where (stored.connection, stored.person_id) is distinct from (excluded.connection, excluded.person_id)"#,
        source,
        &owners,
        &providers,
        &subjects,
        &connections as &[Option<String>],
        &persons
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Finds the records for IDs that are no live record's ID but an identity's subject: `68ee…` for `auth0|68ee…`.
pub(crate) async fn records_meant(
    connection: &mut PgConnection,
    source: &str,
    ids: &[String],
) -> Result<HashMap<String, String>, StoreError> {
    // A record matches if it names an identity with that subject and its own ID ends in it. If two records match, neither is
    // used. A record to which the identity was linked later never matches: an event about the identity alone must not affect a
    // person who has more than that.
    let rows = sqlx::query!(
        r#"select wanted.id as "id!", min(named.external_id) as "external_id!"
           from unnest($2::text[]) as wanted (id)
           join identity named on named.source = $1 and named.subject = wanted.id
                and right(named.external_id, length(wanted.id)) = wanted.id
           where not exists (select from source_record known
                             where known.source = $1 and known.external_id = wanted.id and known.gone_at is null)
           group by wanted.id
           having count(distinct named.external_id) = 1"#,
        source,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.external_id)).collect())
}
