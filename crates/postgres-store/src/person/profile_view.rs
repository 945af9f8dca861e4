//! View `person_profile`: persons for readers that are not ours, with a column of its type for each field of the policy. In: the
//! fields. Out: the view. The first one, for the built-in fields, comes from a migration.

use authority::{Definition, Field, FieldType};
use sqlx::AssertSqlSafe;

use crate::{Store, StoreError};

impl Store {
    /// Makes the view again, with these fields, in one transaction. Who may read it goes on reading it. Only the owner of the
    /// schema may do so.
    ///
    /// # Errors
    /// [`StoreError`]: then the view is as before. `2BP01`: another view reads this one.
    pub async fn create_person_profile<'a>(
        &self,
        fields: impl IntoIterator<Item = (&'a Field, &'a Definition)>,
    ) -> Result<(), StoreError> {
        let columns = fields.into_iter().map(|(field, definition)| column(field, definition.kind));
        let columns: String = columns.collect();
        // The name of a field can be quoted in SQL: it has letters, digits and `_` only.
        let sql = format!(
            "do $$ declare readers text; begin \
                 select string_agg(case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end, ', ') \
                     into readers from pg_class, aclexplode(relacl) \
                     where pg_class.oid = to_regclass('person_profile') and privilege_type = 'SELECT' and grantee <> relowner; \
                 drop view if exists person_profile; \
                 create view person_profile as \
                     select person_id, revision, status, merged_into, {columns} \
                            coalesce((provenance #>> '{{email,verified}}')::boolean, false) as email_verified, \
                            created_at, updated_at \
                     from person; \
                 if readers is not null then execute 'grant select on person_profile to ' || readers; end if; \
             end $$"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await?;
        Ok(())
    }
}

fn column(field: &Field, kind: FieldType) -> String {
    let value = match kind {
        FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Code | FieldType::Reference => {
            format!("profile ->> '{field}'")
        }
        FieldType::Date => format!("day_of(profile ->> '{field}')"),
        FieldType::Boolean => format!("truth_of(profile ->> '{field}')"),
        FieldType::Address => format!("profile -> '{field}'"),
    };
    format!("{value} as \"{field}\", ")
}
