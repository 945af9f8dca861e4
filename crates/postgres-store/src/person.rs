//! Table `person`: the profile, computed from source records.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;

/// What a person may do, as the identity provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonStatus {
    /// May sign in.
    Active,
    /// Known, and kept out.
    Blocked,
    /// Gone at the identity provider.
    Deleted,
}

impl PersonStatus {
    /// The text in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Deleted => "deleted",
        }
    }
}

/// A person's fields. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub struct Profile {
    pub status: PersonStatus,
    pub email: Option<String>,
    pub email_verified: bool,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: Option<String>,
    pub phone: Option<String>,
}

impl Profile {
    /// What remains of a person whose record is gone: no personal value.
    #[must_use]
    pub const fn deleted() -> Self {
        Self {
            status: PersonStatus::Deleted,
            email: None,
            email_verified: false,
            given_name: None,
            family_name: None,
            display_name: None,
            phone: None,
        }
    }
}

/// A person whose row changed, at its new revision.
pub(crate) struct ChangedPerson {
    pub person_id: Uuid,
    pub revision: i64,
}

/// Writes profiles. A profile that equals the row writes nothing and is not returned.
pub(crate) async fn upsert(
    connection: &mut PgConnection,
    persons: &[(Uuid, Profile)],
) -> Result<Vec<ChangedPerson>, StoreError> {
    let ids: Vec<Uuid> = persons.iter().map(|(id, _)| *id).collect();
    let column = |field: fn(&Profile) -> &Option<String>| -> Vec<Option<String>> {
        persons.iter().map(|(_, profile)| field(profile).clone()).collect()
    };
    let statuses: Vec<String> = persons.iter().map(|(_, p)| p.status.as_str().to_owned()).collect();
    let verified: Vec<bool> = persons.iter().map(|(_, p)| p.email_verified).collect();
    let changed = sqlx::query!(
        r#"insert into person as stored
               (person_id, status, email, email_verified, given_name, family_name, display_name, phone)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[],
                                $8::text[]) as new (person_id) order by new.person_id
           on conflict (person_id) do update set
               status = excluded.status, email = excluded.email, email_verified = excluded.email_verified,
               given_name = excluded.given_name, family_name = excluded.family_name,
               display_name = excluded.display_name, phone = excluded.phone,
               revision = stored.revision + 1, updated_at = now()
           where (stored.status, stored.email, stored.email_verified, stored.given_name, stored.family_name,
                  stored.display_name, stored.phone)
                 is distinct from
                 (excluded.status, excluded.email, excluded.email_verified, excluded.given_name, excluded.family_name,
                  excluded.display_name, excluded.phone)
           returning person_id, revision"#,
        &ids,
        &statuses,
        &column(|p| &p.email) as &[Option<String>],
        &verified,
        &column(|p| &p.given_name) as &[Option<String>],
        &column(|p| &p.family_name) as &[Option<String>],
        &column(|p| &p.display_name) as &[Option<String>],
        &column(|p| &p.phone) as &[Option<String>]
    )
    .fetch_all(connection)
    .await?;
    Ok(changed
        .into_iter()
        .map(|row| ChangedPerson { person_id: row.person_id, revision: row.revision })
        .collect())
}
