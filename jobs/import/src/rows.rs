//! The rows of a file: an ID and a JSON object each, or why a row cannot be read. No text here quotes a value.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

use crate::format::Format;
use crate::input::{Limited, MAX_ROW_BYTES, RowBytes};

/// As for records that are handed over one by one.
const MAX_ID_BYTES: usize = 255;

/// A row, and where it begins: its line, from 1.
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) read: Result<Record, BadRow>,
}

/// A record of a file.
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) content: Value,
}

/// Why a row cannot be read.
pub(crate) struct BadRow {
    /// The ID, if that can be read: its record is not absent.
    pub(crate) id: Option<String>,
    pub(crate) column: String,
    pub(crate) reason: &'static str,
}

impl BadRow {
    pub(crate) fn new(id: Option<&str>, column: &str, reason: &'static str) -> Self {
        Self { id: id.map(str::to_owned), column: column.to_owned(), reason }
    }
}

type Source = Limited<Box<dyn Read + Send>>;

/// The rows of one file, in their order.
pub(crate) enum Rows {
    Csv { reader: csv::Reader<Source>, row: RowBytes, columns: Vec<String>, id: usize },
    Lines { reader: BufReader<Source>, row: RowBytes, line: u64, id: String },
}

/// The columns of a file. `None`: each of its objects has its own names.
pub(crate) fn columns(format: &Format, head: &str) -> Option<Vec<String>> {
    let Format::Csv { separator } = format else { return None };
    let text = head.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().delimiter(*separator).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().ok()?;
    Some(headers.iter().map(|name| name.trim().to_owned()).collect())
}

impl Rows {
    /// Of a file whose columns were checked.
    pub(crate) fn new(format: &Format, reader: Source, columns: Option<Vec<String>>, id: &str) -> Self {
        let row = reader.row.clone();
        match (format, columns) {
            (Format::Csv { separator }, Some(columns)) => {
                let reader = csv::ReaderBuilder::new().delimiter(*separator).flexible(true).from_reader(reader);
                let id = columns.iter().position(|column| column == id).unwrap_or_default();
                Self::Csv { reader, row, columns, id }
            }
            _ => Self::Lines { reader: BufReader::new(reader), row, line: 0, id: id.to_owned() },
        }
    }

    /// The next row. `None`: the file has been read to its end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row>> {
        match self {
            Self::Csv { reader, row, columns, id } => {
                let mut record = csv::StringRecord::new();
                let line = reader.position().line();
                if !reader.read_record(&mut record).map_err(io::Error::other)? {
                    return Ok(None);
                }
                row.begin_row();
                let line = record.position().map_or(line, csv::Position::line);
                Ok(Some(Row { line, read: of_fields(&record, columns, *id) }))
            }
            Self::Lines { reader, row, line, id } => loop {
                let mut text = String::new();
                let limit = MAX_ROW_BYTES + 1;
                if reader.by_ref().take(limit).read_line(&mut text)? == 0 {
                    return Ok(None);
                }
                if text.len() as u64 == limit {
                    return Err(io::Error::other("a line is longer than 1 MiB"));
                }
                row.begin_row();
                *line += 1;
                if !text.trim_start_matches('\u{feff}').trim().is_empty() {
                    return Ok(Some(Row { line: *line, read: of_object(&text, id) }));
                }
            },
        }
    }
}

fn of_fields(record: &csv::StringRecord, columns: &[String], id: usize) -> Result<Record, BadRow> {
    let named = record.get(id).map(str::trim).unwrap_or_default();
    let name = checked_id(named, &columns[id])?;
    if record.len() != columns.len() {
        // Its fields may be shifted, that of the ID too.
        return Err(BadRow::new(None, "", "it has another number of fields than the header"));
    }
    let mut content = Map::new();
    for (column, value) in columns.iter().zip(record) {
        if value.contains(['\u{fffd}', '\0']) {
            return Err(BadRow::new(Some(&name), column, "it has characters that the file's encoding does not have"));
        }
        if !value.is_empty() && !insert(&mut content, column, value) {
            return Err(BadRow::new(Some(&name), column, "another column has a value in its place"));
        }
    }
    Ok(Record { id: name, content: Value::Object(content) })
}

/// `home.city` is the city in the object `home`.
fn insert(content: &mut Map<String, Value>, column: &str, value: &str) -> bool {
    let Some((first, rest)) = column.split_once('.') else {
        return content.insert(column.to_owned(), Value::from(value)).is_none();
    };
    let below = content.entry(first).or_insert_with(|| Value::Object(Map::new()));
    below.as_object_mut().is_some_and(|below| insert(below, rest, value))
}

fn of_object(text: &str, id: &str) -> Result<Record, BadRow> {
    let object: Result<Map<String, Value>, _> = serde_json::from_str(text.trim_start_matches('\u{feff}'));
    let content = object.map_err(|_| BadRow::new(None, "", "it is no JSON object"))?;
    let name = match content.get(id) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
        _ => return Err(BadRow::new(None, id, "it has no ID")),
    };
    let name = checked_id(&name, id)?;
    let content = Value::Object(content);
    if text.contains('\u{fffd}') || content.to_string().contains("\\u0000") {
        return Err(BadRow::new(Some(&name), "", "it has characters that cannot be stored"));
    }
    Ok(Record { id: name, content })
}

fn checked_id(id: &str, column: &str) -> Result<String, BadRow> {
    let reason = match id {
        "" => "it has no ID",
        id if id.len() > MAX_ID_BYTES => "its ID is longer than 255 bytes",
        id if id.contains('\u{fffd}') || id.chars().any(char::is_control) => "its ID has odd characters",
        id => return Ok(id.to_owned()),
    };
    Err(BadRow::new(None, column, reason))
}
