//! Persons as they stand in the database.

use local_stack::wait_until;
use sqlx::Row;
use uuid::Uuid;

use super::{PATIENCE, World};

/// A person's row with the record that it comes from, as far as tests look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Our ID.
    pub person_id: Uuid,
    /// `active`, `blocked` or `deleted`.
    pub status: String,
    /// The address, if there is one.
    pub email: Option<String>,
    /// The given name, if there is one.
    pub given_name: Option<String>,
    /// Rises with each change.
    pub revision: i64,
}

impl World {
    /// The person that a record of the identity provider belongs to.
    pub async fn person(&self, external_id: &str) -> Option<PersonRow> {
        let persons = self.persons().await.ok()?;
        persons.into_iter().find(|(id, _)| id == external_id).map(|(_, person)| person)
    }

    /// Every person with the ID of its record, in order of that ID.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn persons(&self) -> anyhow::Result<Vec<(String, PersonRow)>> {
        let rows = sqlx::query(
            "select external_id, person_id, status, email, given_name, revision \
             from person_profile join source_record using (person_id) order by external_id",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let person = |row: sqlx::postgres::PgRow| {
            let person = PersonRow {
                person_id: row.get(1),
                status: row.get(2),
                email: row.get(3),
                given_name: row.get(4),
                revision: row.get(5),
            };
            (row.get(0), person)
        };
        Ok(rows.into_iter().map(person).collect())
    }

    /// Waits until a record's person is as wanted.
    pub async fn person_where(&self, external_id: &str, wanted: impl Fn(&PersonRow) -> bool) -> PersonRow {
        let question = async || Ok(self.person(external_id).await.filter(&wanted));
        wait_until(PATIENCE, "the person to be as wanted", question).await.expect("the person is as wanted")
    }
}
