//! A contact's ID in one spelling. Salesforce writes an ID with 15 characters, where case matters, or with three more that
//! encode the case of the others. We keep 18.
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm>

use provider_http::json::{Field, Unread};

const KEY_PREFIX: &str = "003";
/// Salesforce's ID for "all records", if it does not list them:
/// <https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_other_events_overflow.htm>.
const EVERY_RECORD: &str = "000000000000000AAA";
/// The alphabet of the last three characters. Each encodes five bits.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const SHORT: usize = 15;
const LONG: usize = 18;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ContactId(String);

impl ContactId {
    /// A field with a contact's ID. Another text must not look as if there was none.
    pub(crate) fn read(field: Field<'_>) -> Result<Option<Self>, Unread> {
        field.id()?.map(|id| Self::parse(&id).ok_or(Unread)).transpose()
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Any other text never reaches a query: because of it, Salesforce would refuse the whole batch.
        let long = normalised(text)?;
        (text.starts_with(KEY_PREFIX) && long.starts_with(text)).then_some(Self(long))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, in one spelling.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// True if the text stands for all contacts: the ID of an overflow, or `003*`, which follows the conversion of a field's type
/// (<https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm>).
pub(crate) fn names_every_contact(text: &str) -> bool {
    let wildcard = text.strip_suffix('*').is_some_and(|prefix| KEY_PREFIX.starts_with(prefix));
    wildcard || normalised(text).as_deref() == Some(EVERY_RECORD)
}

/// Any record's ID with 18 characters, the last three computed. `None`: the text has no ID's form.
pub(crate) fn normalised(text: &str) -> Option<String> {
    let formed = matches!(text.len(), SHORT | LONG) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let short = formed.then(|| &text[..SHORT])?;
    let case = |part: &[u8]| {
        let upper = part.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
        char::from(ALPHABET[upper.fold(0, |bits, (place, _)| bits | 1 << place)])
    };
    Some(short.chars().chain(short.as_bytes().chunks(5).map(case)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        ContactId::parse(text).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn an_id_has_one_spelling() {
        for (text, expected) in [
            ("0035f00000AbCdE", "0035f00000AbCdEAAV"),
            ("0035f00000AbCdEAAV", "0035f00000AbCdEAAV"),
            ("003000000000001", "003000000000001AAA"),
            ("003ZZZZZZZZZZZZ", "003ZZZZZZZZZZZZY55"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(normalised("000000000000000").as_deref(), Some("000000000000000AAA"));
    }

    #[test]
    fn a_wildcard_and_the_id_of_an_overflow_stand_for_all_contacts() {
        for text in ["003*", "*", "000000000000000", "000000000000000AAA"] {
            assert!(names_every_contact(text), "{text}");
            assert_eq!(parsed(text), None, "{text}");
        }
        for text in ["001*", "003**", "0035f00000AbCdE", "0035f00000AbC*", "003", ""] {
            assert!(!names_every_contact(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_contact_s_id_is_refused() {
        for text in [
            "",
            "0035f00000AbCd",
            "0035f00000AbCdEAAVX",
            "0035f00000AbCdEAAA",
            "0015f00000AbCdE",
            "003') OR (Id!='",
            "0035f00000AbCd'",
            "0035f00000AbC\u{e9}",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
