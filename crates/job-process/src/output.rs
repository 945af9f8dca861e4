//! Reports on standard output.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::JobError;

/// Prints a report, as text or as JSON.
///
/// # Errors
/// [`JobError::Failed`] when standard output is closed.
pub fn print<R: Display + Serialize>(report: &R, json: bool) -> Result<(), JobError> {
    let text = if json {
        serde_json::to_string_pretty(report).map_err(|error| JobError::Failed(error.to_string()))?
    } else {
        printable(&report.to_string())
    };
    let failed = |error: std::io::Error| JobError::Failed(format!("standard output: {error}"));
    writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(failed)
}

/// A time as text.
pub fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// A length of time in the largest unit that it fills.
pub fn age(secs: i64) -> String {
    match secs {
        ..120 => format!("{secs} s"),
        120..7200 => format!("{} min", secs / 60),
        7200..172_800 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// A value as text, in one line.
pub fn value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    printable(&text).replace('\n', "\u{fffd}")
}

/// The text without control characters.
pub fn printable(text: &str) -> String {
    // They could steer a terminal: values and IDs of a source may hold any.
    text.chars().map(|one| if one.is_control() && one != '\n' { '\u{fffd}' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn control_characters_are_replaced_so_that_no_value_steers_a_terminal() {
        assert_eq!(super::value(&json!("a\u{1b}[2Jb\nc")), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(super::printable("auth0|\u{1b}[2J\nstatus"), "auth0|\u{fffd}[2J\nstatus");
        assert_eq!(super::value(&json!({"city": "Lund"})), r#"{"city":"Lund"}"#);
    }

    #[test]
    fn an_age_is_shown_in_the_largest_unit_that_it_fills() {
        let table = [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d")];
        for (secs, expected) in table {
            assert_eq!(super::age(secs), expected);
        }
    }
}
