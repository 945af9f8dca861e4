//! A record in terms that all sources share, and the answers of a source about one record. What the terms mean for a person is
//! not decided here, but in the crate `authority`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use provider_http::ProviderError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// A record as its source says it is now. Values that change with each sign-in are left out, or each sign-in would be a change.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// The source's ID.
    pub id: String,
    /// When the source last changed the record. It orders versions. `None`: the source does not say.
    pub version_at: Option<OffsetDateTime>,
    /// Opaque entity tag. It shows equality, never order.
    pub etag: Option<String>,
    /// Our key at the source: Auth0's `app_metadata.person_key`, Salesforce's `Person_Key__c`, Stripe's `client_reference_id`.
    pub external_key: Option<String>,
    /// What the source says about the person: a value for each field that the connector maps, in the source's spelling, or null.
    pub assertions: BTreeMap<String, Value>,
    /// What only an identity provider says.
    pub account: Option<Account>,
    /// What only an identity-verification provider says.
    pub verification: Option<Verification>,
    /// The source's names of the values that are there and cannot be read; of a mapped value, the field. They count as missing.
    pub unread: Vec<Cow<'static, str>>,
}

/// An account at an identity provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// An administrator has blocked it.
    pub blocked: bool,
    /// The provider has verified the address. False if it does not say.
    pub email_verified: bool,
    /// The ways to sign in that belong to it.
    pub identities: Vec<SignInIdentity>,
}

/// One way in which a user signs in. Auth0's account linking can move it from one user to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SignInIdentity {
    /// Who authenticates: `auth0`, `google-oauth2`, `scim`.
    pub provider: String,
    /// The provider's connection (its user directory), if it has several.
    pub connection: Option<String>,
    /// The ID of the identity within provider and connection.
    pub subject: String,
}

/// The course of an identity verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its state.
    pub status: VerificationStatus,
    /// When the case was opened. Of several cases without a version, the one opened last is the newest.
    pub opened_at: Option<OffsetDateTime>,
    /// When the provider decided, if it says so.
    pub decided_at: Option<OffsetDateTime>,
}

/// The state of a case. Rows contain its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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

impl Record {
    /// A record of which nothing but the ID is known.
    pub(crate) const fn of(id: String) -> Self {
        Self {
            id,
            version_at: None,
            etag: None,
            external_key: None,
            assertions: BTreeMap::new(),
            account: None,
            verification: None,
            unread: Vec::new(),
        }
    }

    /// The value of a field, if it is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.assertions.get(field)?.as_str()
    }

    /// Whether a case says that the person is who they say.
    pub fn is_verified(&self) -> bool {
        self.verification.as_ref().is_some_and(|case| case.status == VerificationStatus::Verified)
    }

    /// Without assertions, unless the case is verified: until then they are what the person has typed.
    pub(crate) fn without_unverified_outputs(mut self) -> Self {
        if !self.is_verified() {
            self.assertions.values_mut().for_each(|value| *value = Value::Null);
        }
        self
    }

    /// What is stored of it, and hashed: version and entity tag have columns of their own.
    pub fn content(&self) -> Value {
        let mut content: Map<String, Value> =
            self.assertions.iter().map(|(field, value)| (field.clone(), value.clone())).collect();
        let mut set = |name: &str, value: Value| drop(content.insert(name.to_owned(), value));
        set("id", json!(self.id));
        set("external_key", json!(self.external_key));
        if let Some(account) = &self.account {
            set("blocked", json!(account.blocked));
            set("email_verified", json!(account.email_verified));
            set("identities", json!(account.identities));
        }
        if let Some(case) = &self.verification {
            set("verification_status", json!(case.status));
            set("opened_at", instant(case.opened_at));
            set("decided_at", instant(case.decided_at));
        }
        Value::Object(content)
    }
}

fn instant(at: Option<OffsetDateTime>) -> Value {
    // A year above 9999 has no text. No source has decided then.
    let text = at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    json!(text)
}

/// Assertions from texts. `None`: the source has no value.
pub(crate) fn assertions<const N: usize>(texts: [(&str, Option<String>); N]) -> BTreeMap<String, Value> {
    texts.into_iter().map(|(field, text)| (field.to_owned(), json!(text))).collect()
}

/// A postal address, taken as a whole. Null: no part of it is known.
pub(crate) fn address(parts: [(&str, Option<String>); 5]) -> Value {
    if parts.iter().all(|(_, part)| part.is_none()) { Value::Null } else { json!(BTreeMap::from(parts)) }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The ID and the version only, so that a log line with a record shows nothing personal.
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("version_at", &self.version_at)
            .finish_non_exhaustive()
    }
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

/// What a source answers about one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched {
    /// As it is now.
    Found(Box<Record>),
    /// The copy with the known entity tag is current.
    NotModified,
    /// The source says that it was deleted, or merged.
    Gone {
        /// The record of the same source that it was merged into, where the source says so. That one may be merged, too.
        merged_into: Option<String>,
    },
    /// The source finds no such record, as it documents for one that was deleted.
    NotFound,
    /// The answer lacks the record: it was removed for good, or our user may not see it.
    NotVisible,
}

/// The answer to a request for the record with this ID.
pub(crate) fn found(asked: &str, record: Record) -> Result<Fetched, ProviderError> {
    // Another ID would give one person's record to another.
    if record.id == asked {
        Ok(Fetched::Found(Box::new(record)))
    } else {
        Err(ProviderError::WHOLE_REPLY_MALFORMED)
    }
}

#[cfg(test)]
impl Record {
    /// What an identity provider says.
    pub(crate) fn account(&self) -> &Account {
        self.account.as_ref().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn user() -> Record {
        let identity = SignInIdentity {
            provider: String::from("auth0"),
            connection: Some(String::from("staff")),
            subject: String::from("1"),
        };
        Record {
            version_at: Some(OffsetDateTime::UNIX_EPOCH),
            etag: Some(String::from(r#"W/"3""#)),
            external_key: Some(String::from("P-7")),
            assertions: assertions([("email", Some(String::from("orla.fenn@example.org"))), ("phone", None)]),
            account: Some(Account { blocked: false, email_verified: true, identities: vec![identity] }),
            ..Record::of(String::from("auth0|1"))
        }
    }

    #[test]
    fn debug_shows_the_id_and_the_version_only() {
        let text = format!("{:?}", user());
        assert_eq!(text, "Record { id: \"auth0|1\", version_at: Some(1970-01-01 0:00:00.0 +00:00:00), .. }");
    }

    #[test]
    fn the_content_has_a_place_for_each_value_and_does_not_change_with_version_or_etag() {
        let expected = json!({"id": "auth0|1", "external_key": "P-7", "email": "orla.fenn@example.org", "phone": null,
            "blocked": false, "email_verified": true,
            "identities": [{"provider": "auth0", "connection": "staff", "subject": "1"}]});
        assert_eq!(user().content(), expected);
        assert_eq!(Record { version_at: None, etag: None, ..user() }.content(), expected);
        let case = Verification {
            status: VerificationStatus::InReview,
            opened_at: Some(datetime!(2026-11-20 8:00 UTC)),
            decided_at: None,
        };
        let case = Record { verification: Some(case), ..Record::of(String::from("vs_1")) };
        let expected = json!({"id": "vs_1", "external_key": null, "verification_status": "in_review",
            "opened_at": "2026-11-20T08:00:00Z", "decided_at": null});
        assert_eq!(case.content(), expected);
    }

    #[test]
    fn only_a_verified_case_has_outputs() {
        let case = |status| Record {
            assertions: assertions([("given_name", Some(String::from("Orla")))]),
            verification: Some(Verification { status, opened_at: None, decided_at: None }),
            ..Record::of(String::from("inq_1"))
        };
        let outputs = |status| case(status).without_unverified_outputs().assertions["given_name"].clone();
        assert_eq!(outputs(VerificationStatus::Verified), "Orla");
        assert_eq!(outputs(VerificationStatus::InReview), Value::Null);
    }
}
