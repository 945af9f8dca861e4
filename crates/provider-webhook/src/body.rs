//! Reading a webhook's body: IDs, what happened to them, and a word of our own for the kind of event. A field that is not an ID
//! is skipped as it is read: none is kept, and none is in an error.

use event_contract::RecordHint;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The kind of an event that is on none of our lists.
pub const OTHER_KIND: &str = "webhook";

/// What a webhook is about: one record, or every record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// The kind of event: the provider's word from our own list, or [`OTHER_KIND`].
    pub kind: &'static str,
    /// The record; every record, if the provider has lost events.
    pub hint: RecordHint,
    /// The provider has lost events, or no longer sends them. The hint is [`RecordHint::everything`].
    pub missed: bool,
    /// The account at the provider that the event is from, where the provider says so: [`event_contract::IngressEvent`] has it.
    pub account: Option<String>,
}

/// The body is not what the provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("body is not an event of this provider")]
pub struct UnreadableBody;

impl WebhookRecord {
    /// A record that was created or changed.
    pub const fn changed(id: String, kind: &'static str) -> Self {
        Self { kind, hint: RecordHint::changed(id), missed: false, account: None }
    }

    /// The provider has lost events, or no longer sends them: every record may have changed.
    pub const fn missed(kind: &'static str) -> Self {
        Self { kind, hint: RecordHint::everything(), missed: true, account: None }
    }

    /// The same, if it was `removed`.
    #[must_use]
    pub const fn removed_if(mut self, removed: bool) -> Self {
        self.hint.removed = removed;
        self
    }

    /// The same, of this account.
    #[must_use]
    pub fn of_account(self, account: Option<String>) -> Self {
        Self { account, ..self }
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
    serde_json::from_slice(without_byte_order_mark(body)).map_err(|_| UnreadableBody)
}

/// The text without the mark that some senders put before UTF-8.
fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// One event or an array of events.
///
/// # Errors
/// [`UnreadableBody`] when it is neither.
pub fn one_or_many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, UnreadableBody> {
    // With some providers, an operator chooses which.
    match without_byte_order_mark(body).trim_ascii_start().first() {
        Some(b'[') => parse(body),
        _ => parse(body).map(|one| vec![one]),
    }
}

/// The provider's word for the kind of event if it is on our list, else [`OTHER_KIND`].
pub fn known_kind(list: &[&'static str], word: &str) -> &'static str {
    // No text of a sender gets further.
    list.iter().find(|known| **known == word).copied().unwrap_or(OTHER_KIND)
}

/// A time as RFC 3339 writes it; any other text counts as missing.
pub fn rfc3339(text: Option<&str>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text?, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn one_event_is_read_as_a_list_of_one() {
        for (body, expected) in [
            ("7", Ok(vec![7])),
            (" 7", Ok(vec![7])),
            ("[7,8]", Ok(vec![7, 8])),
            ("\r\n\t [7]", Ok(vec![7])),
            ("\u{feff} [7]", Ok(vec![7])),
            ("\u{feff}7", Ok(vec![7])),
            ("[]", Ok(vec![])),
            ("[7", Err(UnreadableBody)),
            ("{}", Err(UnreadableBody)),
            ("", Err(UnreadableBody)),
        ] {
            assert_eq!(one_or_many::<u8>(body.as_bytes()), expected, "{body:?}");
        }
    }

    #[test]
    fn a_kind_that_is_not_listed_is_not_repeated() {
        let list = ["user.created", "user.deleted"];
        for (word, expected) in [
            ("user.created", "user.created"),
            ("user.deleted", "user.deleted"),
            ("user.delete", OTHER_KIND),
            ("mara.quill@example.org", OTHER_KIND),
            ("", OTHER_KIND),
        ] {
            assert_eq!(known_kind(&list, word), expected, "{word:?}");
        }
    }

    #[test]
    fn a_time_that_is_not_rfc_3339_counts_as_missing() {
        let time = datetime!(2026-11-20 15:10:42.5 UTC);
        for (text, expected) in [
            (Some("2026-11-20T15:10:42.500Z"), Some(time)),
            (Some("2026-11-20T16:10:42.5+01:00"), Some(time)),
            (Some("2026-11-20 15:10"), None),
            (Some("1795187442"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(rfc3339(text), expected, "{text:?}");
        }
    }
}
