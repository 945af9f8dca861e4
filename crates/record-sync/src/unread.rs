//! Counts and logs the fields of a record that could not be read: by name, never by value.

use std::borrow::Cow;

use metrics::counter;

/// Notes that these fields of a record count as missing, because they cannot be read. `field` is the source's own name.
pub(crate) fn note_unread(source: &str, id: &str, fields: &[Cow<'static, str>]) {
    if fields.is_empty() {
        return;
    }
    for field in fields {
        counter!("coppice_fields_unread_total", "source" => source.to_owned(), "field" => field.clone())
            .increment(1);
    }
    tracing::info!(source, subject = id, ?fields, "fields of a record cannot be read, and count as missing");
}
