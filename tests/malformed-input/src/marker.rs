//! A text in place of a personal value, and the check that no error repeats it.

use std::error::Error;

/// A text in place of a personal value. No text of ours contains it.
pub const MARKER: &str = "pii-marker";

/// The input with the marker after one of its quotation marks: in a value, in a name, or where JSON allows no text.
pub(crate) fn planted(input: &str) -> String {
    let quotes: Vec<usize> = input.match_indices('"').map(|(at, _)| at + 1).collect();
    let hash = input.bytes().fold(5381_usize, |hash, byte| hash.wrapping_mul(33) ^ usize::from(byte));
    let at = if quotes.is_empty() { input.len() } else { quotes[hash % quotes.len()] };
    format!("{}{MARKER}{}", &input[..at], &input[at..])
}

/// Checks that neither text of an error, nor its cause's, repeats the marker.
pub(crate) fn says_nothing(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(MARKER), "an error quotes the input: {text}");
        next = error.source();
    }
}
