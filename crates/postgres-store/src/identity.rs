//! Table `identity`: the ways to sign in, each belonging to one person at a time.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;

/// One way to sign in, as a source names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches: `auth0`, `google-oauth2`, `scim`.
    pub provider: String,
    /// The provider's ID of the account.
    pub subject: String,
    /// The connection it came through, where the source has such.
    pub connection: Option<String>,
}

/// Makes each record's identities exactly those given: new ones are added, ones that another record had move here,
/// ones that are named no more are removed.
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
             and (provider, subject) not in (select * from unnest($3::text[], $4::text[]))"#,
        source,
        &external_ids,
        &providers,
        &subjects
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"insert into identity as stored (source, provider, subject, connection, external_id, person_id)
           select distinct on (new.provider, new.subject) $1, new.*
           from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])
                as new (provider, subject, connection, external_id, person_id)
           order by new.provider, new.subject
           on conflict (source, provider, subject) do update set
               connection = excluded.connection, external_id = excluded.external_id, person_id = excluded.person_id
           where (stored.connection, stored.external_id, stored.person_id)
                 is distinct from (excluded.connection, excluded.external_id, excluded.person_id)"#,
        source,
        &providers,
        &subjects,
        &connections as &[Option<String>],
        &owners,
        &persons
    )
    .execute(connection)
    .await?;
    Ok(())
}
