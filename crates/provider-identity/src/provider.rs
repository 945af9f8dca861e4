//! The trait of all identity-verification providers, and their answers.

use std::future::Future;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{Absence, ProviderError};

use crate::VerificationCase;

/// An identity-verification provider: reads its own events, and fetches its cases.
pub trait IdentityProvider: Send + Sync + 'static {
    /// The source's stable name, `stripe` or `persona`. Rows contain it.
    fn source(&self) -> &'static str;

    /// Which cases an event names. Pure. Empty: the event is well-formed and names no case.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent>;

    /// The case as the provider says it is now. That it is not there is an answer, not an error.
    ///
    /// # Errors
    /// Any [`ProviderError`]. A status that we do not know is [`ProviderError::Malformed`], never a guess.
    fn fetch_case(&self, id: &str) -> impl Future<Output = Result<FetchedCase, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 does not count as an answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// What a provider answers about one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedCase {
    /// As it is now.
    Found(Box<VerificationCase>),
    /// The answer is without the case.
    Absent(Absence),
}

impl FetchedCase {
    /// The answer to a request for the case with this ID.
    pub(crate) fn of(asked: &str, case: VerificationCase) -> Result<Self, ProviderError> {
        // Another ID would give one person's record to another.
        let answered = case.id == asked;
        if answered { Ok(Self::Found(Box::new(case))) } else { Err(ProviderError::WHOLE_REPLY_MALFORMED) }
    }
}
