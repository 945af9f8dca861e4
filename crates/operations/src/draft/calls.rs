//! Which operations of a document read one record, and lists of them. Pure. Where two could be meant, the first is taken, and the
//! draft says so.

use serde_json::Value;

use super::document::{Document, Read, items};
use super::fields::{member, plain};

const CURSORS: [&str; 7] =
    ["cursor", "after", "pagetoken", "nextcursor", "startingafter", "token", "continuation"];
const NEXT_LINKS: [&str; 3] = ["next", "nextlink", "nexturl"];
const NEXT_CURSORS: [&str; 4] = ["nextcursor", "nextpagetoken", "endcursor", "continuation"];
const TOTALS: [&str; 5] = ["total", "totalcount", "totalresults", "count", "totalitems"];
const SIZES: [&str; 6] = ["limit", "pagesize", "perpage", "size", "maxresults", "top"];
const SINCE: [&str; 9] = [
    "updatedsince",
    "modifiedsince",
    "changedsince",
    "since",
    "updatedafter",
    "modifiedafter",
    "lastmodifiedsince",
    "updatedfrom",
    "ifmodifiedsince",
];
const IDS: [&str; 3] = ["ids", "personids", "userids"];

/// The read of one record.
pub(super) struct One {
    /// With `{id}`.
    pub(super) path: String,
    /// The record within the reply, if it is not the reply itself.
    pub(super) record: Option<String>,
    pub(super) documents_gone: bool,
}

/// A list of records.
pub(super) struct Many<'a> {
    /// With the largest page that the document allows.
    pub(super) path: String,
    pub(super) items: String,
    pub(super) next: Option<Next<'a>>,
    pub(super) total: Option<String>,
    /// The parameter that restricts the list to what has changed since.
    pub(super) since: Option<&'a str>,
    /// The parameter that takes several IDs.
    pub(super) ids: Option<&'a str>,
}

/// How one page leads to the next.
pub(super) enum Next<'a> {
    Link { path: String },
    Cursor { path: String, parameter: &'a str },
    Page { parameter: &'a str },
    Offset { parameter: &'a str },
}

pub(super) fn one(document: &Document, reads: &[Read<'_>], schema: &Value) -> Vec<One> {
    let found = reads.iter().filter_map(|read| {
        let mut in_path = read.parameters.iter().filter(|parameter| parameter.is_in_path);
        let (Some(id), None) = (in_path.next(), in_path.next()) else { return None };
        let record = place(document, read.reply?, &|found| document.is(found, schema, 0))?;
        Some(One {
            path: read.path.replace(&format!("{{{}}}", id.name), "{id}"),
            record: (record != "$").then_some(record),
            documents_gone: read.statuses.contains(&"410"),
        })
    });
    found.collect()
}

pub(super) fn many<'a>(document: &'a Document, reads: &[Read<'a>], schema: &Value) -> Vec<Many<'a>> {
    let found = reads.iter().filter_map(|read| {
        if read.parameters.iter().any(|parameter| parameter.is_in_path) {
            return None;
        }
        let reply = read.reply?;
        let is_list = |found: &Value| items(found).is_some_and(|item| document.is(item, schema, 0));
        let list = place(document, reply, &is_list)?;
        let named = |names: &[&str]| {
            read.parameters.iter().find(|parameter| names.contains(&plain(parameter.name).as_str()))
        };
        let size =
            named(&SIZES).map(|size| format!("?{}={}", size.name, size.maximum.unwrap_or(100).min(1000)));
        Some(Many {
            path: format!("{}{}", read.path, size.unwrap_or_default()),
            items: format!("{list}[*]"),
            next: next(document, reply, &named),
            total: total(document, reply),
            since: named(&SINCE).map(|parameter| parameter.name),
            ids: named(&IDS).map(|parameter| parameter.name),
        })
    });
    found.collect()
}

type Named<'n, 'a> = dyn Fn(&[&str]) -> Option<&'n super::document::Parameter<'a>> + 'n;

fn next<'a>(document: &Document, reply: &Value, named: &Named<'_, 'a>) -> Option<Next<'a>> {
    let says = |names: &[&str]| find(document, reply, names);
    if let (Some(path), Some(parameter)) = (says(&NEXT_CURSORS), named(&CURSORS)) {
        return Some(Next::Cursor { path, parameter: parameter.name });
    }
    if let Some(path) = says(&NEXT_LINKS) {
        return Some(Next::Link { path });
    }
    if let Some(page) = named(&["page", "pagenumber"]) {
        return Some(Next::Page { parameter: page.name });
    }
    named(&["offset", "skip", "start", "startindex"]).map(|offset| Next::Offset { parameter: offset.name })
}

fn total(document: &Document, reply: &Value) -> Option<String> {
    find(document, reply, &TOTALS)
}

/// The path of a property with one of these names, at most one object below the reply.
fn find(document: &Document, reply: &Value, names: &[&str]) -> Option<String> {
    let properties = document.properties(reply);
    let own = properties.keys().find(|name| names.contains(&plain(name).as_str()));
    if let Some(name) = own.filter(|name| document.properties(properties[*name]).is_empty()) {
        return Some(member("$", name));
    }
    properties.iter().find_map(|(outer, property)| {
        let inner = document.properties(property);
        let name = inner.keys().find(|name| names.contains(&plain(name).as_str()))?;
        Some(member(&member("$", outer), name))
    })
}

/// The path of what is wanted: the reply itself, or a property of it.
fn place(document: &Document, reply: &Value, wanted: &dyn Fn(&Value) -> bool) -> Option<String> {
    if wanted(document.followed(reply)) {
        return Some(String::from("$"));
    }
    let properties = document.properties(reply);
    properties.into_iter().find(|(_, property)| wanted(property)).map(|(name, _)| member("$", name))
}
