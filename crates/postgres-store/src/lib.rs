//! All SQL of Coppice, grouped by subject; within a subject, a module for each table or for each action on several. Handlers
//! contain no SQL. This crate contains no HTTP and no queue, and it knows no provider: a source is a name.
//!
//! Rules for every module: a statement handles a whole batch; rows are written in the order of their keys, so that two pods
//! cannot deadlock; no transaction stays open while the process waits for anything but Postgres.
//!
//! Modules depend on each other in one direction: `outbox` ← `records` ← `person` ← `linking` ← `readings`, and `content` and
//! `resync` on the first two. `handed_over` depends on none.

mod address;
mod bounded;
mod config_version;
mod content;
mod dead_letters;
mod drills;
mod error;
mod grants;
mod handed_over;
mod linking;
mod outbox;
mod person;
mod proof;
mod readings;
mod records;
mod resync;
mod retention;
mod rules;
mod schema;
mod store;
mod upstream_breaker;

pub use config_version::{ConfigFile, ConfigVersion, DeclaredSource};
pub use content::{
    ContentCounts, ContentItem, ContentKey, ContentLoad, ContentReading, ContentScope, LoadedContent,
};
pub use dead_letters::{
    DeadLetteredCopy, FailedAttempt, KeptMessage, MessageStanding, NotedFailure, RecordedFailure,
    RedriveAction, RedriveItem, RedriveLock, RedrivePlan, RedriveProgress, UnsentItem,
};
pub use drills::{DrillFailure, FireDrill, UnitHeartbeat};
pub use error::StoreError;
pub use grants::{GrantError, NotARoleName, SqlRoles};
pub use handed_over::{
    HandOver, HandedOverPlace, HandedOverRecord, HandedOverVersion, ImportRun, RecordVersion, Taken,
};
pub use linking::{Author, AuthorError, LinkCommand, LinkRefusal, LinkReport, Move, OpenReview};
pub use outbox::{Announce, IngressRow, LeasedAnnouncement, OutboxDepth};
pub use person::{
    AppliedBatch, CrmView, FieldChange, MOST_REPEATS, NamedIdentity, PUSH_KEY_BYTES, PersonChange, PersonKey,
    PersonView, PolicyBatch, PushKey, Pushed, StoredPerson, TakenDecision, WrittenContact, is_another_person,
};
pub use proof::Write;
pub use readings::{PersonReading, ReadingPreview, RecordState};
pub use records::{
    AuditResult, CursorMove, Identity, Login, MissingRecord, ReadingResult, RecordStanding, RefetchTicket,
    Source, StoredRecord,
};
pub use resync::{
    GatheredPage, ListingPlan, RequestLease, RequestLimits, ResyncItem, ResyncRun, RunEnd, StaleCondition,
};
pub use retention::Expiring;
pub use schema::MIGRATOR;
pub use store::Store;
pub use upstream_breaker::BreakerRow;
