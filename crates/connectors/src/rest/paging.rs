//! The pages of a list. In: how a description says that one page leads to the next, and where the reading is. Out: the next request,
//! or that there is none. A list that leads to itself, or never ends, is an error.

use provider_http::{ListedPage, ListedRecord, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::compile::{List, Next};
use super::item::{id, time};
use super::template::Target;

/// Pages in a row without any record, after which a list counts as endless.
const MOST_EMPTY_PAGES: u32 = 100;

const LOOP: ProviderError = ProviderError::Unusable { why: "the pages of its list lead in a circle" };
const ENDLESS: ProviderError =
    ProviderError::Unusable { why: "a hundred pages of its list in a row have no record" };

/// Where the reading of a list is, between two requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// What the next request asks for. `None`: the first page.
    ask: Option<Ask>,
    /// Items of the pages before.
    seen: u64,
    empty: u32,
    circle: Circle,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// These parameters, from a link.
    Query(Vec<(String, String)>),
    /// The cursor.
    Cursor(String),
    /// A number of a page, or of items.
    Number(u64),
}

/// Finds a circle by comparing each page with an earlier one, at distances that double (Brent's algorithm). So it needs one mark,
/// however long the list is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Circle {
    mark: Option<u64>,
    steps: u32,
    limit: u32,
}

impl Circle {
    fn step(&mut self, page: u64) -> Result<(), ProviderError> {
        if self.mark == Some(page) {
            return Err(LOOP);
        }
        self.steps += 1;
        if self.steps > self.limit {
            (self.mark, self.steps, self.limit) = (Some(page), 0, (self.limit * 2).max(1));
        }
        Ok(())
    }
}

/// A page as it came.
pub(crate) struct Read {
    pub(crate) page: ListedPage,
    /// Where the next one begins. `None`: this is the last.
    pub(crate) next: Option<Place>,
}

impl Place {
    pub(crate) fn target(&self, list: &List, mut target: Target) -> Target {
        match (&self.ask, &list.next) {
            (None, Next::Page { parameter, first }) => target.set(parameter, first.to_string()),
            (None, Next::Offset { parameter }) => target.set(parameter, String::from("0")),
            (Some(Ask::Number(number)), Next::Page { parameter, .. } | Next::Offset { parameter }) => {
                target.set(parameter, number.to_string());
            }
            (Some(Ask::Cursor(cursor)), Next::Cursor { parameter, .. }) => {
                target.set(parameter, cursor.clone());
            }
            (Some(Ask::Query(query)), _) => target.query.clone_from(query),
            _ => {}
        }
        target
    }

    /// Reads a page. `follow` makes parameters of a link, or refuses it; `header` is the link of the reply's header.
    pub(crate) fn read(
        mut self,
        list: &List,
        reply: &Value,
        header: Option<String>,
        follow: impl Fn(&str) -> Result<Vec<(String, String)>, ProviderError>,
    ) -> Result<Read, ProviderError> {
        let items = list.items.items(reply).ok_or(ProviderError::WHOLE_REPLY_MALFORMED)?;
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for (place, item) in (self.seen + 1..).zip(items) {
            match id(&list.id, item) {
                Some(id) => {
                    let version = list.version.as_ref();
                    let version = version.and_then(|(path, format)| time(path, *format, item).ok().flatten());
                    records.push(ListedRecord { id, version });
                }
                None => unreadable.push(format!("record {place}")),
            }
        }
        let count = items.len() as u64;
        let ask = self.next_ask(list, reply, header, follow, count)?;
        self.seen += count;
        self.empty = if count == 0 { self.empty + 1 } else { 0 };
        if ask.is_some() {
            if self.empty >= MOST_EMPTY_PAGES {
                return Err(ENDLESS);
            }
            // A list by numbers has another request for each page, so the content must show the circle.
            let asks = (!matches!(ask, Some(Ask::Number(_)))).then_some(&ask);
            self.circle.step(hash(&records, asks))?;
        }
        let total = match &list.total {
            Some(path) => path.one(reply).ok().flatten().and_then(number),
            None => None,
        };
        let lacks = ask.is_none() && total.is_some_and(|total| total > self.seen);
        let doubt = lacks.then_some("it counts more records than it lists");
        let next = ask.map(|ask| Self { ask: Some(ask), ..self });
        Ok(Read { page: ListedPage { records, next: None, total, doubt, unreadable }, next })
    }

    fn next_ask(
        &self,
        list: &List,
        reply: &Value,
        header: Option<String>,
        follow: impl Fn(&str) -> Result<Vec<(String, String)>, ProviderError>,
        count: u64,
    ) -> Result<Option<Ask>, ProviderError> {
        let text = |path: &super::path::Path| match path.one(reply) {
            Ok(None) => Ok(None),
            Ok(Some(Value::String(text))) => Ok((!text.is_empty()).then(|| text.clone())),
            Ok(Some(Value::Number(number))) => Ok(Some(number.to_string())),
            Ok(Some(Value::Bool(false))) => Ok(None),
            _ => Err(ProviderError::WRONG_LINK),
        };
        Ok(match &list.next {
            Next::None => None,
            Next::Link(path) => text(path)?.map(|link| follow(&link)).transpose()?.map(Ask::Query),
            Next::Header => header.map(|link| follow(&link)).transpose()?.map(Ask::Query),
            Next::Cursor { path, .. } => text(path)?.map(Ask::Cursor),
            // Numbers end with the first page that is empty.
            Next::Page { first, .. } => (count > 0).then(|| Ask::Number(self.number(*first) + 1)),
            Next::Offset { .. } => (count > 0).then(|| Ask::Number(self.number(0) + count)),
        })
    }

    fn number(&self, first: u64) -> u64 {
        if let Some(Ask::Number(number)) = self.ask { number } else { first }
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn hash(records: &[ListedRecord], asks: Option<&Option<Ask>>) -> u64 {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(&record.id);
        hash.update([0]);
    }
    hash.update(serde_json::to_vec(&asks).unwrap_or_default());
    hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
