//! A report of the library, printed: as the library serialises it, or as text.

use serde::Serialize;

/// A report. Each command has the text of its own reports, as `Display`.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Printed<T>(pub(crate) T);
