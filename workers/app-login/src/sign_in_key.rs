//! The subject of a message: one sign-in, either complete or only its ID. Pure.

use std::fmt;

use connectors::{SignIn, SignInEvent};
use time::OffsetDateTime;

/// One sign-in: IDs and a time. Two deliveries of one event have equal keys, so the runtime coalesces them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignInKey {
    /// The event holds the whole entry.
    Complete {
        /// The provider's ID of the log entry.
        event_id: String,
        /// The user.
        user_id: String,
        /// The application.
        application_id: String,
        /// The time of the sign-in.
        at: OffsetDateTime,
    },
    /// The event holds only the ID. The worker has to read the log entry.
    IdOnly {
        /// The provider's ID of the log entry.
        event_id: String,
    },
}

impl SignInKey {
    pub(crate) fn of(event: SignInEvent) -> Option<Self> {
        match event {
            SignInEvent::Complete(sign_in) => Some(Self::Complete {
                event_id: sign_in.event_id,
                user_id: sign_in.user_id,
                application_id: sign_in.application_id,
                at: sign_in.at,
            }),
            SignInEvent::Incomplete { event_id } => Some(Self::IdOnly { event_id }),
            SignInEvent::Ignored => None,
        }
    }

    /// The provider's ID of the log entry.
    pub fn event_id(&self) -> &str {
        match self {
            Self::Complete { event_id, .. } | Self::IdOnly { event_id } => event_id,
        }
    }

    /// The user, if the event names one.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Complete { user_id, .. } => Some(user_id),
            Self::IdOnly { .. } => None,
        }
    }

    pub(crate) fn sign_in(&self) -> Option<SignIn> {
        match self {
            Self::Complete { event_id, user_id, application_id, at } => Some(SignIn {
                event_id: event_id.clone(),
                user_id: user_id.clone(),
                application_id: application_id.clone(),
                at: *at,
            }),
            Self::IdOnly { .. } => None,
        }
    }
}

impl fmt::Display for SignInKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_displayed_as_the_id_of_its_log_entry() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (event_id, user_id, application_id) =
            (String::from("900"), String::from("auth0|ada"), String::from("portal"));
        let complete = SignInKey::of(SignInEvent::Complete(SignIn {
            event_id: event_id.clone(),
            user_id,
            application_id,
            at,
        }));
        let id_only = SignInKey::of(SignInEvent::Incomplete { event_id });
        for subject in [complete, id_only] {
            assert_eq!(subject.map(|subject| subject.to_string()).as_deref(), Some("900"));
        }
        assert_eq!(SignInKey::of(SignInEvent::Ignored), None);
    }
}
