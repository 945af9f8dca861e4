//! Reading a webhook's body: IDs, what happened to them, and a word of our own for the kind of event. A field that is not an ID
//! is skipped as it is read: none is kept, and none is in an error.

use event_contract::RecordHint;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The kind of an event that is on none of our lists.
pub const OTHER_KIND: &str = "webhook";

/// One record that a webhook names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// The kind of event: the provider's word from our own list, or [`OTHER_KIND`].
    pub kind: &'static str,
    /// The record.
    pub hint: RecordHint,
}

/// The body is not what the provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("body is not an event of this provider")]
pub struct UnreadableBody;

impl WebhookRecord {
    /// A record that was created or changed.
    #[must_use]
    pub const fn changed(id: String, kind: &'static str) -> Self {
        Self { kind, hint: RecordHint::changed(id) }
    }

    /// The same, if it was `removed`.
    #[must_use]
    pub const fn removed_if(mut self, removed: bool) -> Self {
        self.hint.removed = removed;
        self
    }

    /// The same, with a bound: the record's version is not older.
    #[must_use]
    pub const fn not_before(mut self, time: Option<OffsetDateTime>) -> Self {
        self.hint.not_before = time;
        self
    }
}

/// What a body has in an ID's place.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
    /// No ID.
    Other(IgnoredAny),
}

/// The ID of a provider whose IDs are texts.
///
/// # Errors
/// [`UnreadableBody`] when it is missing, empty or no text.
pub fn text_id(id: Option<Id>) -> Result<String, UnreadableBody> {
    match id {
        Some(Id::Text(text)) if !text.is_empty() => Ok(text),
        // An event of a kind that is ours, without its ID: an operator has to see it.
        _ => Err(UnreadableBody),
    }
}

/// The ID of a provider whose IDs may be numbers.
///
/// # Errors
/// [`UnreadableBody`] when it is neither.
pub fn text_or_number_id(id: Id) -> Result<String, UnreadableBody> {
    match id {
        Id::Number(number) => Ok(number.to_string()),
        other => text_id(Some(other)),
    }
}

/// The body in a provider's shape.
///
/// # Errors
/// [`UnreadableBody`] when it has another.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, UnreadableBody> {
    serde_json::from_slice(body).map_err(|_| UnreadableBody)
}

/// One event or an array of events.
///
/// # Errors
/// [`UnreadableBody`] when it is neither.
pub fn one_or_many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, UnreadableBody> {
    // With some providers, an operator chooses which.
    match body.trim_ascii_start().first() {
        Some(b'[') => parse(body),
        _ => parse(body).map(|one| vec![one]),
    }
}

/// The provider's word for the kind of event if it is on our list, else [`OTHER_KIND`].
#[must_use]
pub fn known_kind(list: &[&'static str], word: &str) -> &'static str {
    // No text of a sender gets further.
    list.iter().find(|known| **known == word).copied().unwrap_or(OTHER_KIND)
}

/// A time as RFC 3339 writes it; any other text counts as missing.
#[must_use]
pub fn rfc3339(text: Option<&str>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text?, &Rfc3339).ok()
}
