//! All SQL of Coppice: a module for each table, and one for each thing that is done to several.
//!
//! In: what refetches brought, what attempts failed, what a breaker learned. Out: what changed, and the
//! announcements that committed with it. Handlers hold no SQL; this crate holds no HTTP, no queue, and no knowledge of
//! any provider: a source is a name.
//!
//! Rules that hold in every module: a statement handles a whole batch; rows are written in the order of their keys, so
//! that two pods cannot deadlock; no transaction is open while anything but Postgres is waited for.

mod audit_result;
mod consequences;
mod content_item;
mod content_listing;
mod crm_account;
mod crm_view;
mod dead_lettered_message;
mod error;
mod fire_drill;
mod heartbeat;
mod identity;
mod ingress_outbox;
mod link_command;
mod link_decision;
mod link_review;
mod linking;
mod login;
mod merging;
mod message_failure;
mod outbox;
mod person;
mod person_reading;
mod person_view;
mod policy_change;
mod recompute;
mod record_sample;
mod redrive;
mod resync_budget;
mod resync_item;
mod resync_request;
mod resync_run;
mod schema;
mod server_time;
mod source_cursor;
mod source_record;
mod unmodified;
mod upstream_breaker;

use std::sync::Arc;
use std::time::Duration;

use authority::Policy;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use tokio::sync::Notify;

pub use audit_result::AuditResult;
pub use content_item::{ContentItem, ContentKey, ContentLoad, ContentReading, LoadedContent};
pub use content_listing::ContentCounts;
pub use crm_account::{WrittenContact, pushed_hash};
pub use crm_view::{CrmView, Pushed, is_another_person};
pub use dead_lettered_message::{DeadLetteredCopy, KEPT, KeptMessage, NotedFailure};
pub use error::StoreError;
pub use fire_drill::{DrillFailure, FireDrill};
pub use heartbeat::UnitHeartbeat;
pub use identity::Identity;
pub use ingress_outbox::IngressRow;
pub use link_command::{Author, AuthorError, LinkCommand, LinkRefusal, LinkReport, Move, Write};
pub use link_review::OpenReview;
pub use login::Login;
pub use message_failure::{FailedAttempt, RecordedFailure};
pub use outbox::{LeasedAnnouncement, OutboxDepth};
pub use person_reading::{Announce, PersonReading, ReadingResult, RecordState};
pub use person_view::{NamedIdentity, PersonKey, PersonView, StoredPerson, TakenDecision};
pub use policy_change::{AppliedBatch, FieldChange, PersonChange, PolicyBatch};
pub use record_sample::StoredRecord;
pub use redrive::{
    MessageStanding, RedriveAction, RedriveItem, RedriveLock, RedrivePlan, RedriveProgress, UnsentItem,
};
pub use resync_budget::{RequestLease, RequestLimits};
pub use resync_item::{GatheredPage, ListingPlan, ResyncItem, StaleCondition};
pub use resync_run::{ResyncRun, RunEnd};
pub use schema::MIGRATOR;
pub use source_cursor::CursorMove;
pub use source_record::{RecordStanding, RefetchTicket, Source};
pub use upstream_breaker::BreakerRow;

/// Longest wait for a free connection. Longer than any statement here takes, shorter than a handler's patience.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// No statement here takes longer in health; one that does is stuck behind a lock.
const STATEMENT_TIMEOUT: &str = "30s";

/// A connection that was idle for longer is asked whether it still stands before it is used. Under load none is, which
/// saves a round trip at each statement; what breaks meanwhile is tried again by whoever used it.
const UNTESTED: Duration = Duration::from_secs(1);

/// Postgres has two names for its own scheme.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The connection to the one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    outbox_filled: Arc<Notify>,
    policy: Arc<Policy>,
}

impl Store {
    /// Opens a pool of up to `max_connections`. Connects when first used.
    ///
    /// # Errors
    /// [`StoreError::Url`] when `url` is not a `postgres://` URL. The error does not quote it: it holds the password.
    pub fn open(url: &SecretString, max_connections: u32) -> Result<Self, StoreError> {
        let url = url.expose_secret();
        // The driver takes any scheme, and then connects to what it makes of the rest.
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(StoreError::Url);
        }
        let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Url)?;
        let options = options.application_name("coppice").options([("statement_timeout", STATEMENT_TIMEOUT)]);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > UNTESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, outbox_filled: Arc::default(), policy: Arc::default() })
    }

    /// The same store, which computes persons by another policy than the default.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy: Arc::new(policy), ..self }
    }

    /// Answers when the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!("select 1 as one").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
