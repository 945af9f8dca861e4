//! A verification case in terms that all providers share.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A case as its provider says it is now. Serialized, it is the source record that we store and hash. Names, birthdate and
/// email are *outputs*: a case has them only while it is [`VerificationStatus::Verified`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationCase {
    /// The provider's ID.
    pub id: String,
    /// Our key at the provider: `client_reference_id` at Stripe, `reference-id` at Persona.
    pub external_key: Option<String>,
    /// The state of the case.
    pub verification_status: VerificationStatus,
    /// Verified first name.
    pub given_name: Option<String>,
    /// Verified last name.
    pub family_name: Option<String>,
    /// Verified date of birth, `YYYY-MM-DD`.
    pub birthdate: Option<String>,
    /// Verified address, as the provider spells it. Only if the provider has checked it.
    pub email: Option<String>,
    /// When the case was opened. Of several cases without a version, the one opened last is the newest.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub opened_at: Option<OffsetDateTime>,
    /// When the provider decided, if it says so.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub decided_at: Option<OffsetDateTime>,
    /// When the provider last changed the case. It orders versions. `None`: the provider does not say.
    #[serde(skip)]
    pub version: Option<OffsetDateTime>,
    /// The provider's names of the fields that are there and cannot be read. They count as missing.
    #[serde(skip)]
    pub unread: Vec<&'static str>,
}

impl VerificationCase {
    pub(crate) fn without_unverified_outputs(self) -> Self {
        if self.verification_status == VerificationStatus::Verified {
            return self;
        }
        Self { given_name: None, family_name: None, birthdate: None, email: None, ..self }
    }
}

impl fmt::Debug for VerificationCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The ID, the status and the version only, so that a log line with a case shows nothing personal.
        f.debug_struct("VerificationCase")
            .field("id", &self.id)
            .field("verification_status", &self.verification_status)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The state of a case. Rows contain its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationStatus {
    /// The case exists, and the person has not begun.
    NotStarted,
    /// The person or the provider is working on it.
    InProgress,
    /// The person has to do something, for example show another document.
    NeedsInput,
    /// Complete, and the provider has not decided yet.
    InReview,
    /// The person is who they say.
    Verified,
    /// The person has not shown who they are.
    Rejected,
    /// Cancelled or timed out without a decision.
    Expired,
    /// The provider has erased its data, or is about to. We must erase ours.
    Redacted,
}

impl VerificationStatus {
    /// The stable word for rows, logs and metrics: the same as when serialized.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InProgress => "in_progress",
            Self::NeedsInput => "needs_input",
            Self::InReview => "in_review",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Redacted => "redacted",
        }
    }
}
