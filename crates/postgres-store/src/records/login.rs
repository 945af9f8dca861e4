//! Tables `application`, `login` and `login_event`: the sign-ins of each user to each application. A sign-in is counted once,
//! by the provider's ID of its log entry, however often and in whatever order it is delivered: the row in `login_event` commits
//! with the count. Counts belong to the source's user; the view `person_login` shows the person.

use std::collections::{BTreeMap, BTreeSet};

use event_contract::{Announcement, EventKind, SCHEMA_VERSION};
use time::OffsetDateTime;
use uuid::Uuid;

use super::result::ReadingResult;
use crate::bounded::PgConnection;
use crate::outbox::{self, Announce};
use crate::{Store, StoreError};

/// One sign-in: IDs and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The source's ID of the log entry, the same in every delivery.
    pub event_id: String,
    /// The source's ID of the user.
    pub user_id: String,
    /// The source's ID of the application.
    pub application_id: String,
    /// The time, by the source's clock.
    pub at: OffsetDateTime,
    /// How to announce it.
    pub announce: Announce,
}

struct Added {
    count: i64,
    first_at: OffsetDateTime,
    last_at: OffsetDateTime,
    announce: Announce,
}

/// The key of a row in `login` within a source: the user's ID and the application's ID.
type LoginKey<'a> = (&'a str, &'a str);

impl Store {
    /// Counts sign-ins of a source in one transaction, and returns for each, in order, whether it was new. Announces
    /// each row whose count rose as [`EventKind::AppLoginRecorded`]: the entity is the row, the revision is the count.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn record_logins(
        &self,
        source: &str,
        logins: &[Login],
    ) -> Result<Vec<ReadingResult>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let mut new = insert_events(&mut transaction, source, logins).await?;
        // Of two equal ones in the batch, one is new.
        let is_new: Vec<bool> = logins.iter().map(|login| new.remove(&login.event_id)).collect();
        let added = added(logins.iter().zip(&is_new).filter_map(|(login, new)| new.then_some(login)));
        if !added.is_empty() {
            insert_applications(&mut transaction, source, &added).await?;
            let announcements = count(&mut transaction, source, &added).await?;
            outbox::insert(&mut transaction, &announcements).await?;
        }
        transaction.commit().await?;
        if !added.is_empty() {
            self.outbox_filled.notify_one();
        }
        let result = |new| if new { ReadingResult::Applied } else { ReadingResult::Unchanged };
        Ok(is_new.into_iter().map(result).collect())
    }
}

fn added<'a>(logins: impl Iterator<Item = &'a Login>) -> BTreeMap<LoginKey<'a>, Added> {
    let mut added: BTreeMap<LoginKey<'a>, Added> = BTreeMap::new();
    for login in logins {
        let Login { at, announce, .. } = *login;
        added
            .entry((&login.user_id, &login.application_id))
            .and_modify(|row| {
                row.count += 1;
                row.announce = if at >= row.last_at { announce } else { row.announce };
                row.first_at = row.first_at.min(at);
                row.last_at = row.last_at.max(at);
            })
            .or_insert(Added { count: 1, first_at: at, last_at: at, announce });
    }
    added
}

async fn insert_events(
    connection: &mut PgConnection,
    source: &str,
    logins: &[Login],
) -> Result<BTreeSet<String>, StoreError> {
    let times: BTreeMap<&str, OffsetDateTime> =
        logins.iter().map(|login| (login.event_id.as_str(), login.at)).collect();
    let ids: Vec<String> = times.keys().map(|id| String::from(*id)).collect();
    let times: Vec<OffsetDateTime> = times.into_values().collect();
    // Waits for another transaction that is storing the same ID.
    let new = sqlx::query_scalar!(
        r#"insert into login_event (source, event_id, at)
           select $1, new.event_id, new.at from unnest($2::text[], $3::timestamptz[]) as new (event_id, at)
           order by new.event_id
           on conflict (source, event_id) do nothing
           returning event_id"#,
        source,
        &ids,
        &times
    )
    .fetch_all(connection)
    .await?;
    Ok(new.into_iter().collect())
}

async fn insert_applications(
    connection: &mut PgConnection,
    source: &str,
    added: &BTreeMap<LoginKey<'_>, Added>,
) -> Result<(), StoreError> {
    let external_ids: BTreeSet<&str> = added.keys().map(|(_, application)| *application).collect();
    let external_ids: Vec<String> = external_ids.into_iter().map(String::from).collect();
    let ids: Vec<Uuid> = external_ids.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query!(
        r#"insert into application (application_id, source, external_id)
           select new.application_id, $1, new.external_id
           from unnest($2::uuid[], $3::text[]) as new (application_id, external_id)
           order by new.external_id
           on conflict (source, external_id) do nothing"#,
        source,
        &ids,
        &external_ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn count(
    connection: &mut PgConnection,
    source: &str,
    added: &BTreeMap<LoginKey<'_>, Added>,
) -> Result<Vec<(EventKind, Announcement)>, StoreError> {
    let users: Vec<String> = added.keys().map(|(user, _)| String::from(*user)).collect();
    let applications: Vec<String> = added.keys().map(|(_, application)| String::from(*application)).collect();
    let ids: Vec<Uuid> = added.keys().map(|_| Uuid::now_v7()).collect();
    let counts: Vec<i64> = added.values().map(|row| row.count).collect();
    let firsts: Vec<OffsetDateTime> = added.values().map(|row| row.first_at).collect();
    let lasts: Vec<OffsetDateTime> = added.values().map(|row| row.last_at).collect();
    // Least and greatest, since sign-ins arrive in any order.
    let rows = sqlx::query!(
        r#"with counted as (
               insert into login as stored (login_id, source, external_id, application_id, count, first_at, last_at)
               select new.login_id, $1, new.external_id, application.application_id, new.count, new.first_at, new.last_at
               from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
                    as new (login_id, external_id, application, count, first_at, last_at)
               join application on application.source = $1 and application.external_id = new.application
               order by new.external_id, new.application
               on conflict (source, external_id, application_id) do update set
                   count = stored.count + excluded.count,
                   first_at = least(stored.first_at, excluded.first_at),
                   last_at = greatest(stored.last_at, excluded.last_at)
               returning login_id, external_id, application_id, count)
           select login_id as "login_id!", counted.external_id as "user_id!",
                  application.external_id as "application!", count as "count!"
           from counted join application using (application_id)"#,
        source,
        &ids,
        &users,
        &applications,
        &counts,
        &firsts,
        &lasts
    )
    .fetch_all(connection)
    .await?;
    let announcements = rows.into_iter().filter_map(|row| {
        let Announce { cause, hop, traceparent } =
            added.get(&(row.user_id.as_str(), row.application.as_str()))?.announce;
        let announcement = Announcement {
            schema: SCHEMA_VERSION,
            event_id: Uuid::now_v7(),
            entity_id: row.login_id,
            revision: row.count,
            cause,
            hop,
            traceparent,
        };
        Some((EventKind::AppLoginRecorded, announcement))
    });
    Ok(announcements.collect())
}
