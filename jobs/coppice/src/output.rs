//! Reports on standard output, failures on standard error and as exit codes.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use postgres_store::{LinkRefusal, StoreError};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It went wrong, or the answer is no. Exit code 1. Without a text where the report says it already.
    Failed(String),
    /// Wrong usage or settings. Exit code 2.
    Usage(String),
    /// No such person or record. Exit code 3.
    NotFound(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<LinkRefusal> for Failure {
    fn from(refusal: LinkRefusal) -> Self {
        match refusal {
            LinkRefusal::NoRecord { .. } | LinkRefusal::NoPerson(_) => Self::NotFound(refusal.to_string()),
            LinkRefusal::SamePerson(_) | LinkRefusal::NothingToUndo | LinkRefusal::Store(_) => {
                Self::Failed(refusal.to_string())
            }
        }
    }
}

/// Prints a report: its text for people, or its fields.
pub(crate) fn print<R: Display + Serialize>(report: &R, json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(report).map_err(|error| Failure::Failed(error.to_string()))?
    } else {
        printable(&report.to_string())
    };
    let failed = |error: std::io::Error| Failure::Failed(format!("standard output: {error}"));
    writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(failed)
}

/// Ends the process's work.
pub(crate) fn exit_code(done: Result<(), Failure>) -> ExitCode {
    let (text, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => (text, 1),
        Err(Failure::Usage(text)) => (text, 2),
        Err(Failure::NotFound(text)) => (text, 3),
    };
    if !text.is_empty() {
        eprintln!("coppice: {text}");
    }
    ExitCode::from(code)
}

/// A time as text.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// A record's version for people.
pub(crate) fn version(at: Option<&str>) -> String {
    at.map_or(String::from("(no version)"), |at| format!("of {at}"))
}

/// A value for people, in one line.
pub(crate) fn value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    printable(&text).replace('\n', "\u{fffd}")
}

/// A source's text, an ID as well, must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' { '\u{fffd}' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_value_steers_no_terminal() {
        assert_eq!(super::value(&json!("a\u{1b}[2Jb\nc")), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(super::printable("auth0|\u{1b}[2J\nstatus"), "auth0|\u{fffd}[2J\nstatus");
        assert_eq!(super::value(&json!({"city": "Lund"})), r#"{"city":"Lund"}"#);
    }
}
