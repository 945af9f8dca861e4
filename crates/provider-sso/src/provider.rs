//! What every identity provider can do for us.

use std::future::Future;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{SignIn, SignInEvent, SsoUser};

/// An identity provider: reads its own events, and answers for its users.
pub trait SsoProvider: Send + Sync + 'static {
    /// The source's stable name, `auth0`, `okta` or `scim`: it stands in rows.
    fn source(&self) -> &'static str;

    /// Which users an event names. Pure. Empty: the event is well-formed and names no user, or changes none.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent>;

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
