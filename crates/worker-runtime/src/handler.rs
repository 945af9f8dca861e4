//! What a worker is: the four steps that differ between workers, and how each may end.

use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use event_contract::{Envelope, Hop, TraceContext};
use time::OffsetDateTime;
use uuid::Uuid;

/// One worker's work. The runtime calls the steps in this order, for many subjects at a time.
pub trait Handler: Send + Sync + 'static {
    /// The unit's name: folder, binary, queue stem and metric label.
    const NAME: &'static str;

    /// What one refetch is about: messages with the same subject coalesce.
    type Subject: Clone + Eq + Ord + Hash + Debug + Display + Send + Sync + 'static;

    /// What is drawn from the database before a refetch.
    type Ticket: Send + 'static;

    /// What a refetch brings.
    type Fetched: Clone + Send + Sync + 'static;

    /// The upstream that a refetch calls: the circuit breaker's key.
    fn upstream(&self) -> &str;

    /// Reads which subjects an event names. Pure, and takes nothing but IDs and lower bounds out of it.
    ///
    /// # Errors
    /// [`Refusal`] when the event can never be handled: its message is dead-lettered at once.
    fn read(&self, envelope: &Envelope) -> Result<Reading<Self::Subject>, Refusal>;

    /// Draws a ticket for each subject that is about to be refetched, in order, in one statement.
    ///
    /// # Errors
    /// [`Failure`] for all of them.
    fn prepare(
        &self,
        subjects: &[Self::Subject],
    ) -> impl Future<Output = Result<Vec<Self::Ticket>, Failure>> + Send;

    /// Reads a subject's record from the upstream, or pushes our values to it. Repeatable: the runtime may call it again.
    ///
    /// # Errors
    /// [`Failure`].
    fn fetch(
        &self,
        refetch: &Refetch<Self::Subject>,
        ticket: Self::Ticket,
    ) -> impl Future<Output = Result<Self::Fetched, Failure>> + Send;

    /// Whether this refetch went the way of the work at the upstream: it read or wrote a record there. Only such a refetch is a
    /// witness against others that fail, and shows that the upstream works.
    fn went_through(&self, fetched: &Self::Fetched) -> bool;

    /// Writes a batch in one transaction, and returns an outcome for each entry, in order. May be called for each entry alone.
    ///
    /// # Errors
    /// [`Failure`]: then nothing of the batch was written.
    fn apply(
        &self,
        batch: &[(Refetch<Self::Subject>, Self::Fetched)],
    ) -> impl Future<Output = Result<Vec<Outcome>, Failure>> + Send;

    /// Probes the upstream with the worker's own credentials: reads a record that is known to be good, or calls what the work
    /// needs in any case. Never an optional page.
    ///
    /// # Errors
    /// [`Failure`] when the upstream does not answer well.
    fn probe(&self) -> impl Future<Output = Result<Probed, Failure>> + Send;
}

/// What a successful probe shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// A known-good record went the same way as the work: it is a witness against records that fail.
    SameWay,
    /// The upstream answers. Whether any record can go the way of the work is unknown.
    Answers,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<S> {
    /// The event that the message carries.
    pub cause: Cause,
    /// The subjects to refetch. Empty: the event names no subject of this worker, and the message is done.
    pub demands: Vec<Demand<S>>,
}

/// The event that led to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its ID.
    pub event_id: Uuid,
    /// How many internal events led to it.
    pub hop: Hop,
    /// Its trace context.
    pub trace: TraceContext,
}

/// One subject that a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand<S> {
    /// The subject.
    pub subject: S,
    /// A refetch that answers with an older version than this came from a stale replica.
    pub not_before: Option<OffsetDateTime>,
    /// The event says that the record was removed, so that its absence is no surprise.
    pub removed: bool,
}

/// Whether events say that a record was removed. A removed record may be created again under the same ID, so the newest event decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// No event says so, or a newer one does not.
    No,
    /// One event says so and another does not, and not both have a time: either may be the newer one.
    Perhaps,
    /// The newest event says so.
    Yes,
}

/// One refetch: all the demands for a subject that coalesced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refetch<S> {
    /// The subject.
    pub subject: S,
    /// The highest of the demands' lower bounds.
    pub not_before: Option<OffsetDateTime>,
    /// Whether the demands say that the record was removed.
    pub removed: Removed,
    /// The latest event.
    pub cause: Cause,
    /// When the latest of the messages was sent to the queue, by the queue's clock.
    pub sent_at: OffsetDateTime,
}

impl<S> Refetch<S> {
    /// How long ago the latest of the messages was sent. Zero if the queue's clock is ahead of ours. A handler that looks for
    /// something a limited time measures that time by this age.
    pub fn age(&self) -> Duration {
        // Not by receives: a redelivery keeps the sending time, so every pod sees the same age, whereas crashes, rollouts and
        // lost replies raise SQS's receive count. What is missing after an hour is not missing because a replica lags.
        (OffsetDateTime::now_utc() - self.sent_at).try_into().unwrap_or_default()
    }
}

impl Refusal {
    /// The refusal of a message or an event that cannot be read. `error` must not quote it.
    pub fn unreadable(error: impl Display) -> Self {
        Self { class: "unreadable", detail: error.to_string() }
    }
}

/// How a subject's work ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Rows changed.
    Applied,
    /// What is stored already says so, or newer.
    Unchanged,
    /// The record is gone at its source, and stored as such.
    Gone,
    /// The source does not show the record, without a proof that it is gone. What is stored stays.
    Missing,
    /// Not ready: look again after this time. No attempt is counted.
    Snooze(Duration),
}

/// Why a message can never be handled. Its texts never quote the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A short fixed word for a metric label: `unreadable`, `hop_limit`.
    pub class: &'static str,
    /// What is wrong, for the operator who reads the dead-lettered message.
    pub detail: String,
}

/// How a subject's work failed. It names what was seen, not who is at fault: that is decided by [`attribute`](crate::attribute).
/// Its texts hold no personal data: logs and dead-lettered messages show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Our own side failed: the database, the bus, the queue, or the way to them. The process stops receiving; no attempt is
    /// counted.
    Ours {
        /// A short fixed word for a metric label.
        class: &'static str,
        /// What failed.
        detail: String,
    },
    /// Worth trying again: a conflict, a stale replica, a panic.
    Transient {
        /// A short fixed word for a metric label.
        class: &'static str,
        /// What failed.
        detail: String,
        /// When to try again, if that is known.
        retry_after: Option<Duration>,
    },
    /// The upstream did not do its work: it may be down, or may fail at this record.
    Upstream {
        /// A short fixed word for a metric label.
        class: &'static str,
        /// What failed.
        detail: String,
        /// When the upstream wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The upstream asks for a pause. No attempt is counted, and every pod waits.
    Limited {
        /// How long.
        retry_after: Duration,
    },
    /// The work was refused, or its answer cannot be read. The record may be wrong, or our set-up and permissions.
    Rejected {
        /// A short fixed word for a metric label.
        class: &'static str,
        /// What failed.
        detail: String,
        /// The refusal names the content of this record, by a code from a closed list.
        names_record: bool,
    },
}

impl Failure {
    /// The label of its kind.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Ours { class, .. }
            | Self::Transient { class, .. }
            | Self::Upstream { class, .. }
            | Self::Rejected { class, .. } => class,
            Self::Limited { .. } => "rate_limited",
        }
    }

    /// What failed, for the ledger and the dead-lettered message.
    pub fn detail(&self) -> String {
        match self {
            Self::Ours { detail, .. }
            | Self::Transient { detail, .. }
            | Self::Upstream { detail, .. }
            | Self::Rejected { detail, .. } => detail.clone(),
            Self::Limited { retry_after } => format!("upstream asks to wait {} s", retry_after.as_secs()),
        }
    }
}
