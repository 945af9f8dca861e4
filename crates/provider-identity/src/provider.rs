//! What every identity-verification provider can do for us.

use std::future::Future;

use event_contract::Envelope;
use provider_http::ProviderError;
use time::OffsetDateTime;

use crate::{VerificationCase, persona, stripe};

/// An identity-verification provider: reads its own events, and answers for its cases.
pub trait IdentityProvider: Send + Sync + 'static {
    /// The source's stable name, `stripe` or `persona`: it stands in rows.
    fn source(&self) -> &'static str;

    /// Which cases an event names. Pure. Empty: the event is well-formed and names no case.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<CaseHint>, UnreadableEvent>;

    /// The case as the provider says it is now. A missing case is [`FetchedCase::Gone`], not an error.
    ///
    /// # Errors
    /// Any [`ProviderError`]. A status that we do not know is [`ProviderError::Malformed`]: it is not guessed at.
    fn fetch_case(&self, id: &str) -> impl Future<Output = Result<FetchedCase, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 is no answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// One case that an event names: a reason to fetch it again, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseHint {
    /// The provider's ID, to hand to [`IdentityProvider::fetch_case`]. The fetched [`VerificationCase::id`] is the one
    /// to store.
    pub id: String,
    /// A case fetched with an older version than this comes from a stale replica. `None`: the event has no such bound,
    /// or the provider's cases have no version to compare it with.
    pub not_before: Option<OffsetDateTime>,
}

/// Whose event it is, and which cases it names, whichever provider's it is. Pure: for tools that look at events and have no
/// provider's settings.
///
/// # Errors
/// As [`IdentityProvider::read_event`]; [`UnreadableEvent::ForeignSource`] when it is no verification provider's.
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, Vec<CaseHint>), UnreadableEvent> {
    match stripe::read_event(envelope) {
        Err(UnreadableEvent::ForeignSource { .. }) => {
            persona::read_event(envelope).map(|hints| (persona::SOURCE, hints))
        }
        read => read.map(|hints| (stripe::SOURCE, hints)),
    }
}

/// What a provider answers about one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedCase {
    /// As it is now.
    Found(Box<VerificationCase>),
    /// There is no such case, or no longer.
    Gone,
}

/// Why an event cannot be read although it should. Never quotes the event: it may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    /// The event's `source` is not this provider's: a rule routes it to the wrong queue.
    #[error("event is not from {expected}")]
    ForeignSource {
        /// The provider that was asked to read it.
        expected: &'static str,
    },
    /// The detail is JSON, but not of this provider's shape.
    #[error("event detail does not have the provider's shape, at line {line} column {column}")]
    Shape {
        /// Line in the detail, from 1; 0 when the fault has no place.
        line: usize,
        /// Column in the line, from 1; 0 when the fault has no place.
        column: usize,
    },
    /// An event of a known type without the ID of the case that it is about.
    #[error("event {kind} lacks the ID that it is about")]
    MissingId {
        /// The provider's name of the type, from our own list.
        kind: &'static str,
    },
}

impl UnreadableEvent {
    /// Keeps the place of a JSON error, and drops its text, which quotes the input.
    pub(crate) fn shape(error: &serde_json::Error) -> Self {
        Self::Shape { line: error.line(), column: error.column() }
    }
}
