//! What every identity provider can do for us.

use std::future::Future;

use event_contract::Envelope;
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};
use time::OffsetDateTime;

use crate::{SignIn, SignInEvent, SsoUser, auth0, okta, scim};

/// An identity provider: reads its own events, and answers for its users.
pub trait SsoProvider: Send + Sync + 'static {
    /// The source's stable name, `auth0`, `okta` or `scim`: it stands in rows.
    fn source(&self) -> &'static str;

    /// Which users an event names. Pure. Empty: the event is well-formed and names no user, or changes none.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<UserHint>, UnreadableEvent>;

    /// The user as the provider says it is now. A missing user is [`FetchedUser::Gone`], not an error.
    ///
    /// `known_etag`: the stored copy's [`SsoUser::etag`], to be told [`FetchedUser::NotModified`] when it is current.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    fn fetch_user(
        &self,
        id: &str,
        known_etag: Option<&str>,
    ) -> impl Future<Output = Result<FetchedUser, ProviderError>> + Send;

    /// The sign-in that an event tells of. Pure.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent>;

    /// The sign-in of a log entry, named by [`SignInEvent::Incomplete`]. `None`: the provider has no such entry, or
    /// no longer, or it does not tell who signed in.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    fn fetch_sign_in(
        &self,
        event_id: &str,
    ) -> impl Future<Output = Result<Option<SignIn>, ProviderError>> + Send;

    /// One page of the list of all users, IDs and versions only. `after`: what the page before has told; `None` reads the
    /// first one. That a user is not listed is a hint that it is gone, and no proof.
    ///
    /// # Errors
    /// Any [`ProviderError`]. The same page can be asked for again.
    fn list(&self, after: Option<&str>) -> impl Future<Output = Result<ListedPage, ProviderError>> + Send;

    /// One page of the users that changed since. Made to be read again from a little earlier: a change may come up late.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Invalid`] when the provider does not know the cursor, or not any more.
    fn changes(
        &self,
        from: ChangesFrom<'_>,
    ) -> impl Future<Output = Result<ChangedPage, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 is no answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// Whose event it is, and which users it names, whichever provider's it is. Pure: for tools that look at events and have no
/// provider's settings.
///
/// # Errors
/// As [`SsoProvider::read_event`]; [`UnreadableEvent::ForeignSource`] when it is no identity provider's.
pub fn read_any_event(envelope: &Envelope) -> Result<(&'static str, Vec<UserHint>), UnreadableEvent> {
    type Reader = fn(&Envelope) -> Result<Vec<UserHint>, UnreadableEvent>;
    let readers: [(&'static str, Reader); 3] = [
        (auth0::SOURCE, auth0::read_event),
        (okta::SOURCE, okta::read_event),
        (scim::SOURCE, scim::read_event),
    ];
    for (source, read) in readers {
        match read(envelope) {
            Err(UnreadableEvent::ForeignSource { .. }) => {}
            read => return read.map(|hints| (source, hints)),
        }
    }
    Err(UnreadableEvent::ForeignSource { expected: "an identity provider" })
}

/// One user that an event names: a reason to fetch it again, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserHint {
    /// The provider's ID, to hand to [`SsoProvider::fetch_user`]. The fetched [`SsoUser::id`] is the one to store.
    pub id: String,
    /// What the event says has happened.
    pub change: UserChange,
    /// A user fetched with an older version than this comes from a stale replica. `None`: the event has no such bound.
    pub not_before: Option<OffsetDateTime>,
}

/// What an event says about a user. A hint: what the provider answers decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    /// Created or changed: it should be there.
    Present,
    /// Deleted: it should be gone.
    Deleted,
}

/// What a provider answers about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedUser {
    /// As it is now.
    Found(Box<SsoUser>),
    /// The copy with the known entity tag is current.
    NotModified,
    /// There is no such user, or no longer.
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
    /// An event of a known type without an ID that it must have: its user's or, for a sign-in, its own.
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
