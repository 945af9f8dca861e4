//! A sign-in in terms that all identity providers share: IDs and a time, nothing personal. A provider's log of sign-ins is
//! append-only. So unlike a user, a sign-in is not fetched again if the event has all of it.

use time::OffsetDateTime;

/// One sign-in that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The provider's ID of the log entry: Auth0's `log_id`, Okta's `uuid`. The same in every delivery.
    pub event_id: String,
    /// The user, as in [`crate::Record::id`].
    pub user_id: String,
    /// The application: Auth0's `client_id`, Okta's app instance. The source's own name for a sign-in to the provider itself.
    pub application_id: String,
    /// When, by the provider's clock.
    pub at: OffsetDateTime,
}

/// What the provider's log has under an ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundSignIn {
    /// A sign-in.
    Found(SignIn),
    /// An entry that does not say who signed in, or that is no sign-in. Entries do not change: reading it again is useless.
    Unnamed,
    /// No entry, or none yet.
    Missing,
}

/// What an event says about a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInEvent {
    /// All of it.
    Complete(SignIn),
    /// A part of it. The log entry has the rest: [`crate::SignIns::fetch_sign_in`].
    Incomplete {
        /// The provider's ID of the log entry.
        event_id: String,
    },
    /// It is no sign-in that succeeded.
    Ignored,
}
