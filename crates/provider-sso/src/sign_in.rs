//! A sign-in in the words that all identity providers share: who, to which application, when.
//!
//! IDs and a time, nothing personal. A log of sign-ins is append-only at the provider, so unlike a user a sign-in is
//! not fetched again when the event tells all of it.

use time::OffsetDateTime;

/// One sign-in that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The provider's ID of the log entry: Auth0's `log_id`, Okta's `uuid`. The same in every delivery.
    pub event_id: String,
    /// The user, as in [`crate::SsoUser::id`].
    pub user_id: String,
    /// The application: Auth0's `client_id`, the ID of Okta's app instance. The source's own name (`okta`) for a
    /// sign-in to the provider itself.
    pub application_id: String,
    /// When, by the provider's clock.
    pub at: OffsetDateTime,
}

/// What an event says about a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInEvent {
    /// All of it.
    Complete(SignIn),
    /// That there was one. The log entry has the rest: [`crate::SsoProvider::fetch_sign_in`].
    Incomplete {
        /// The provider's ID of the log entry.
        event_id: String,
    },
    /// It is no sign-in that succeeded.
    Ignored,
}
