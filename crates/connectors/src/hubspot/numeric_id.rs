//! The ID of a contact or an account: a number, in one spelling.

/// The ID, if the text is one. Any other text never reaches a request.
pub(crate) fn numeric_id(text: &str) -> Option<String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse::<u64>().ok()).flatten().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_in_one_spelling() {
        for (text, id) in [
            ("1", "1"),
            ("7001", "7001"),
            ("007001", "7001"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(numeric_id(text).as_deref(), Some(id), "{text}");
        }
        for text in ["", "mara", "7*", "-7", "+7", " 7", "7.0", "18446744073709551616", "\u{0663}"] {
            assert_eq!(numeric_id(text), None, "{text}");
        }
    }
}
