//! A contact's ID in one spelling. Salesforce writes an ID with 15 characters, where case matters, or with three more that
//! encode the case of the others. We keep 18.
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm>

const KEY_PREFIX: &str = "003";
/// The alphabet of the last three characters. Each encodes five bits.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const SHORT: usize = 15;
const LONG: usize = 18;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ContactId(String);

impl ContactId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Any other text never reaches a query: because of it, Salesforce would refuse the whole batch.
        let long = normalised(text)?;
        (text.starts_with(KEY_PREFIX) && long.starts_with(text)).then_some(Self(long))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
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
