//! The ID of a contact or an account: digits.

/// The ID, if the text is one. Any other text never reaches a request.
pub(crate) fn contact_id(text: &str) -> Option<String> {
    is_number(text).then(|| text.to_owned())
}

/// True for the digits of a number with 64 bits.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits() {
        for id in ["1", "7001", "18446744073709551615"] {
            assert_eq!(contact_id(id).as_deref(), Some(id));
        }
        for text in ["", "mara", "7*", "-7", "+7", " 7", "7.0", "18446744073709551616", "\u{0663}"] {
            assert_eq!(contact_id(text), None, "{text}");
        }
    }
}
