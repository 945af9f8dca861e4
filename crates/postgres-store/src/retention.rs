//! Rows that have served their purpose: copies of messages, failed attempts, sign-ins, heartbeats, drills, runs and results. In: an
//! age. Out: older rows are deleted, a range of pages at a time, so that each table is read once and no transaction is long. It
//! must not know who decides the age.

use time::Duration;

use crate::bounded::PgConnection;
use crate::{Store, StoreError, Write};

/// What expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiring {
    /// Copies of dead-lettered messages, resolved or not. A copy may be a partner's whole event.
    DeadLetteredMessages,
    /// Plans of redrives, with their items.
    RedrivePlans,
    /// Failed attempts to handle a message.
    MessageFailures,
    /// Sign-ins that were counted. A sign-in whose event comes again later is counted again.
    LoginEvents,
    /// Heartbeats, seen or not.
    Heartbeats,
    /// Fire drills that have ended.
    FireDrills,
    /// Resync runs that have not moved.
    ResyncRuns,
    /// Results of audits.
    AuditResults,
}

/// Pages of 8 KB that one transaction reads.
const PAGES: i64 = 1000;

/// Deletes the rows of one range of pages. The tables and conditions are literals, so that the queries are checked.
macro_rules! delete_from {
    ($table:literal, $expired:literal, $connection:expr, $first:expr, $age:expr) => {
        sqlx::query!(
            "delete from "
                + $table
                + " where ctid >= format('(%s,0)', $1::bigint)::tid \
             and ctid < format('(%s,0)', $1::bigint + $2::bigint)::tid and "
                + $expired,
            $first,
            PAGES,
            $age
        )
        .execute($connection)
        .await?
        .rows_affected()
    };
}

impl Expiring {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::DeadLetteredMessages,
        Self::RedrivePlans,
        Self::MessageFailures,
        Self::LoginEvents,
        Self::Heartbeats,
        Self::FireDrills,
        Self::ResyncRuns,
        Self::AuditResults,
    ];

    /// Its table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::DeadLetteredMessages => "dead_lettered_message",
            Self::RedrivePlans => "redrive_plan",
            Self::MessageFailures => "message_failure",
            Self::LoginEvents => "login_event",
            Self::Heartbeats => "heartbeat",
            Self::FireDrills => "fire_drill",
            Self::ResyncRuns => "resync_run",
            Self::AuditResults => "audit_result",
        }
    }
}

impl Store {
    /// Deletes rows that are older than `age`, and returns how many. Rows that come meanwhile are not old. Without a proof it
    /// deletes nothing, and counts.
    ///
    /// # Errors
    /// [`StoreError`]: what was deleted until then stays deleted, and the next call deletes the rest.
    pub async fn delete_expired(
        &self,
        what: Expiring,
        age: Duration,
        write: Option<&Write>,
    ) -> Result<u64, StoreError> {
        let size = sqlx::query_scalar!(
            r#"select pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint as "pages!""#,
            what.table()
        );
        let pages = size.fetch_one(&self.pool).await?;
        let (age, mut deleted) = (age.as_seconds_f64(), 0);
        for first in (0..pages).step_by(usize::try_from(PAGES).unwrap_or(1)) {
            let mut transaction = self.pool.begin().await?;
            deleted += delete_from(&mut transaction, what, first, age).await?;
            match write {
                Some(_) => transaction.commit().await?,
                None => transaction.rollback().await?,
            }
        }
        Ok(deleted)
    }
}

async fn delete_from(
    connection: &mut PgConnection,
    what: Expiring,
    first: i64,
    age: f64,
) -> Result<u64, StoreError> {
    Ok(match what {
        Expiring::DeadLetteredMessages => delete_from!(
            "dead_lettered_message",
            "copied_at < now() - make_interval(secs => $3)",
            connection,
            first,
            age
        ),
        Expiring::RedrivePlans => {
            delete_from!(
                "redrive_plan",
                "created_at < now() - make_interval(secs => $3)",
                connection,
                first,
                age
            )
        }
        Expiring::MessageFailures => {
            delete_from!(
                "message_failure",
                "failed_at < now() - make_interval(secs => $3)",
                connection,
                first,
                age
            )
        }
        Expiring::LoginEvents => {
            delete_from!("login_event", "at < now() - make_interval(secs => $3)", connection, first, age)
        }
        Expiring::Heartbeats => {
            delete_from!("heartbeat", "sent_at < now() - make_interval(secs => $3)", connection, first, age)
        }
        Expiring::FireDrills => {
            delete_from!("fire_drill", "ended_at < now() - make_interval(secs => $3)", connection, first, age)
        }
        Expiring::ResyncRuns => {
            delete_from!("resync_run", "moved_at < now() - make_interval(secs => $3)", connection, first, age)
        }
        Expiring::AuditResults => {
            delete_from!(
                "audit_result",
                "finished_at < now() - make_interval(secs => $3)",
                connection,
                first,
                age
            )
        }
    })
}
