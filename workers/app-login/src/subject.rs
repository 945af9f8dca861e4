//! What a message is about: one sign-in, all of it or only its ID. Pure.

use std::fmt;

use provider_sso::{SignIn, SignInEvent};
use time::OffsetDateTime;

/// One sign-in: IDs and a time. Two deliveries of one event are equal, and become one piece of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The event tells all of it.
    Told {
        /// The provider's ID of the log entry.
        event_id: String,
        /// The user.
        user_id: String,
        /// The application.
        application_id: String,
        /// When.
        at: OffsetDateTime,
    },
    /// The log entry has to be read.
    Untold {
        /// The provider's ID of the log entry.
        event_id: String,
    },
}

impl Subject {
    /// What an event is about. `None`: nothing that is counted.
    pub(crate) fn of(event: SignInEvent) -> Option<Self> {
        match event {
            SignInEvent::Complete(sign_in) => Some(Self::Told {
                event_id: sign_in.event_id,
                user_id: sign_in.user_id,
                application_id: sign_in.application_id,
                at: sign_in.at,
            }),
            SignInEvent::Incomplete { event_id } => Some(Self::Untold { event_id }),
            SignInEvent::Ignored => None,
        }
    }

    /// The provider's ID of the log entry.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Self::Told { event_id, .. } | Self::Untold { event_id } => event_id,
        }
    }

    /// The user, if the event says who it is.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Told { user_id, .. } => Some(user_id),
            Self::Untold { .. } => None,
        }
    }

    /// The sign-in, if the event tells all of it.
    pub(crate) fn sign_in(&self) -> Option<SignIn> {
        match self {
            Self::Told { event_id, user_id, application_id, at } => Some(SignIn {
                event_id: event_id.clone(),
                user_id: user_id.clone(),
                application_id: application_id.clone(),
                at: *at,
            }),
            Self::Untold { .. } => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_names_the_entry() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (event_id, user_id, application_id) =
            (String::from("900"), String::from("auth0|ada"), String::from("portal"));
        let told = Subject::of(SignInEvent::Complete(SignIn {
            event_id: event_id.clone(),
            user_id,
            application_id,
            at,
        }));
        let untold = Subject::of(SignInEvent::Incomplete { event_id });
        for subject in [told, untold] {
            assert_eq!(subject.map(|subject| subject.to_string()).as_deref(), Some("900"));
        }
        assert_eq!(Subject::of(SignInEvent::Ignored), None);
    }
}
