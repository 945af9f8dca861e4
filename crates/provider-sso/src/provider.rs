//! The trait of all identity providers, and their answers.

use std::future::Future;

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{Absence, ChangedPage, ChangesFrom, ListedPage, ProviderError};

use crate::{FoundSignIn, SignInEvent, SsoUser};

/// An identity provider: reads its own events, and fetches its users.
pub trait SsoProvider: Send + Sync + 'static {
    /// The source's stable name, `auth0`, `entra`, `okta` or `scim`. Rows contain it.
    fn source(&self) -> &'static str;

    /// Which users an event names. Pure. Empty: the event is well-formed and names no user, or changes none.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent>;

    /// The user as the provider says it is now; [`FetchedUser::NotModified`] if the stored copy's `known_etag` is current.
    fn fetch_user(
        &self,
        id: &str,
        known_etag: Option<&str>,
    ) -> impl Future<Output = Result<FetchedUser, ProviderError>> + Send;

    /// The sign-in that an event reports. Pure.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this provider's, or breaks its contract.
    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent>;

    /// The sign-in of a log entry, named by [`SignInEvent::Incomplete`].
    fn fetch_sign_in(
        &self,
        event_id: &str,
    ) -> impl Future<Output = Result<FoundSignIn, ProviderError>> + Send;

    /// One page of all users; `after` is the previous page's `next`. If a user is not listed, it may still exist.
    ///
    /// # Errors
    /// Any [`ProviderError`]. After an error, read the same page again.
    fn list(&self, after: Option<&str>) -> impl Future<Output = Result<ListedPage, ProviderError>> + Send;

    /// One page of the users that changed since. A feed rereads a little, because a provider may show a change late.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Invalid`] when the provider does not know the cursor, or no longer.
    fn changes(
        &self,
        from: ChangesFrom<'_>,
    ) -> impl Future<Output = Result<ChangedPage, ProviderError>> + Send;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 does not count as an answer, and a 404 means that the base URL is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// What a provider answers about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedUser {
    /// As it is now.
    Found(Box<SsoUser>),
    /// The copy with the known entity tag is current.
    NotModified,
    /// The answer is without the user.
    Absent(Absence),
}
