//! A report of the library, printed: as the library serialises it, or as text.

use std::fmt;

use job_process::value;
use postgres_store::FieldChange;
use serde::Serialize;

/// A report. Each command has the text of its own reports, as `Display`.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Printed<T>(pub(crate) T);

/// A line for each field that would change.
pub(crate) fn write_fields(f: &mut fmt::Formatter<'_>, margin: &str, fields: &[FieldChange]) -> fmt::Result {
    for FieldChange { field, now, then, source, rule } in fields {
        let text = |one: &Option<_>| one.as_ref().map_or(String::from("nothing"), value);
        write!(f, "{margin}{field}: {} -> {}", text(now), text(then))?;
        match (source, rule) {
            (Some(source), Some(rule)) => writeln!(f, ", from {source} by {rule:?}")?,
            _ => writeln!(f)?,
        }
    }
    Ok(())
}
