//! The value of a field: what a path selects, and a closed set of transformations. In: a record. Out: its value, nothing, or
//! [`Unread`] where something is there that the description does not cover. No error quotes it.

use std::collections::BTreeMap;

use provider_http::json::Unread;
use serde_json::Value;
use time::Date;
use time::format_description::{self, OwnedFormatItem};
use time::macros::format_description;

use super::compile::Compiler;
use super::description::{Case, MapEntry, MapTable};
use super::item::plain;
use super::path::{Condition, Path};

/// How a field is read.
#[derive(Debug)]
pub(crate) struct FieldReader {
    from: From,
    when: Option<Condition>,
    trim: bool,
    case: Option<Case>,
    values: Option<BTreeMap<String, String>>,
    date: Option<OwnedFormatItem>,
}

#[derive(Debug)]
enum From {
    One(Path),
    First(Vec<Path>),
    Join(Vec<Path>, String),
}

impl FieldReader {
    /// `None`: the compiler has what is wrong.
    pub(super) fn compile(compiler: &mut Compiler, at: &str, entry: &MapEntry) -> Option<Self> {
        let table = match entry {
            MapEntry::Path(path) => &MapTable { path: Some(path.clone()), ..MapTable::default() },
            MapEntry::Table(table) => table,
        };
        let own = if matches!(entry, MapEntry::Path(_)) { at.to_owned() } else { format!("{at}/path") };
        let mut all = |name: &str, paths: &[String]| -> Option<Vec<Path>> {
            let read = paths
                .iter()
                .enumerate()
                .map(|(place, path)| compiler.path(&format!("{at}/{name}/{place}"), path));
            let read: Vec<Option<Path>> = read.collect();
            read.into_iter().collect()
        };
        let from = match (&table.path, table.first.as_slice(), table.join.as_slice()) {
            (Some(path), [], []) => compiler.path(&own, path).map(From::One),
            (None, first @ [_, ..], []) => all("first", first).map(From::First),
            (None, [], join @ [_, ..]) => {
                all("join", join).map(|join| From::Join(join, table.separator.clone()))
            }
            _ => {
                compiler.fault(at, "must have one of path, first, join");
                None
            }
        };
        let when = compiler.optional(&format!("{at}/when"), table.when.as_ref(), Condition::parse);
        let date = compiler.optional(&format!("{at}/date"), table.date.as_ref(), |text| {
            format_description::parse_owned::<2>(text)
                .map_err(|_| String::from("must be a form of a date, such as [day].[month].[year]"))
        });
        Some(Self {
            from: from?,
            when: when?,
            trim: table.trim,
            case: table.case,
            values: table.values.clone(),
            date: date?,
        })
    }

    /// The value of the field. `None`: it has none.
    ///
    /// # Errors
    /// [`Unread`]
    pub(crate) fn read(&self, record: &Value, list_of_one: &Value) -> Result<Option<Value>, Unread> {
        if self.when.as_ref().is_some_and(|when| !when.holds(list_of_one)) {
            return Ok(None);
        }
        let Some(value) = self.selected(record)? else { return Ok(None) };
        if !self.trim && self.case.is_none() && self.values.is_none() && self.date.is_none() {
            return Ok(Some(value));
        }
        let mut text = as_text(&value).ok_or(Unread)?;
        if self.trim {
            text = text.trim().to_owned();
        }
        match self.case {
            Some(Case::Upper) => text = text.to_uppercase(),
            Some(Case::Lower) => text = text.to_lowercase(),
            None => {}
        }
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(values) = &self.values {
            text.clone_from(values.get(&text).ok_or(Unread)?);
        }
        if let Some(form) = &self.date {
            let date = Date::parse(&text, form).map_err(|_| Unread)?;
            text = date.format(format_description!("[year]-[month]-[day]")).map_err(|_| Unread)?;
        }
        Ok(Some(Value::from(text)))
    }

    fn selected(&self, record: &Value) -> Result<Option<Value>, Unread> {
        let read = |path: &Path| path.one(record)?.map_or(Ok(None), plain);
        match &self.from {
            From::One(path) => read(path),
            From::First(paths) => {
                for path in paths {
                    if let Some(value) = read(path)? {
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            From::Join(paths, separator) => {
                let mut texts = Vec::new();
                for path in paths {
                    if let Some(value) = read(path)? {
                        texts.push(as_text(&value).ok_or(Unread)?);
                    }
                }
                Ok((!texts.is_empty()).then(|| Value::from(texts.join(separator))))
            }
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
