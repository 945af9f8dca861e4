//! Counts and logs the fields of a record that could not be read: by name, never by value.

use metrics::counter;

/// Notes that these fields of a record count as missing, because they cannot be read. `field` is the source's own name.
pub fn note_unread(source: &'static str, id: &str, fields: &[&'static str]) {
    if fields.is_empty() {
        return;
    }
    for field in fields {
        counter!("coppice_fields_unread_total", "source" => source, "field" => *field).increment(1);
    }
    tracing::info!(source, subject = id, ?fields, "fields of a record cannot be read, and count as missing");
}
