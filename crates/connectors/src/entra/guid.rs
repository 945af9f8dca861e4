//! The form of every ID at Entra. A user is never named by its sign-in name, which changes.

use uuid::Uuid;

/// The ID in its one spelling. `None`: the text is no ID.
pub(crate) fn guid(text: &str) -> Option<String> {
    // Other forms of a UUID, as with braces, are no IDs of Graph.
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    Some(id.hyphenated().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_guid_is_an_id_and_it_has_one_spelling() {
        let id = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";
        assert_eq!(guid(id).as_deref(), Some(id));
        assert_eq!(guid(&id.to_uppercase()).as_deref(), Some(id));
        for other in [
            "",
            "me",
            "$count",
            "tove@bayside.example",
            "3c9a1f705b2e4d119a0c7e6f10c2d4b8",
            "{3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8}",
            "urn:uuid:3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8",
            "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8/",
            "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4bz",
        ] {
            assert_eq!(guid(other), None, "{other}");
        }
    }
}
