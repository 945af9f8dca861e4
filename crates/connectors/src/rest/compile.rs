//! Compiles a description. In: the settings of a source. Out: a [`Rest`], or every fault with its place, so that an odd description is
//! found before it runs. No request is made here.

use std::collections::BTreeMap;

use provider_webhook::{HeaderName, HeaderValue};

use super::description::{
    BatchTable, FetchTable, LimitsTable, MapEntry, NextTable, RestConfig, TimeFormat, VersionTable,
};
use super::events;
use super::field::FieldReader;
use super::path::{Condition, ListPath, Path};
use super::push::{self, Pushes};
use super::template::{Template, ends_with_slash};
use crate::connector::SettingFault;
use crate::described::Described;

/// A description, compiled.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) fetch: Template,
    pub(crate) record: Option<Path>,
    pub(crate) item: ItemReader,
    pub(crate) gone_status: Vec<u16>,
    pub(crate) etag: bool,
    pub(crate) batch: Option<Batch>,
    pub(crate) list: Option<List>,
    pub(crate) changes: Option<(Template, TimeFormat)>,
    pub(crate) ping: Option<Template>,
    pub(crate) described: Described,
    pub(crate) pushes: Option<Pushes>,
    pub(crate) trailing_slash: bool,
}

/// How a record is read.
#[derive(Debug)]
pub(crate) struct ItemReader {
    pub(crate) id: Path,
    pub(crate) gone: Option<Condition>,
    pub(crate) version: Option<(Path, TimeFormat)>,
    pub(crate) key: Option<Path>,
    /// The address, if the API has verified it.
    pub(crate) verified_email: Option<FieldReader>,
    pub(crate) fields: BTreeMap<String, FieldReader>,
}

#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) path: Template,
    pub(crate) separator: String,
    pub(crate) max: usize,
    pub(crate) items: ListPath,
    pub(crate) record: Option<Path>,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) path: Template,
    pub(crate) items: ListPath,
    pub(crate) id: Path,
    pub(crate) version: Option<(Path, TimeFormat)>,
    pub(crate) next: Next,
    pub(crate) total: Option<Path>,
}

/// How one page leads to the next.
#[derive(Debug)]
pub(crate) enum Next {
    None,
    Link(Path),
    Header,
    Cursor { path: Path, parameter: String },
    Page { parameter: String, first: u64 },
    Offset { parameter: String },
}

/// The key of [`RestConfig::map`] that is our key.
pub(super) const KEY: &str = "key";

/// The key of [`RestConfig::map`] for an address that the API has verified.
const VERIFIED_EMAIL: &str = "verified_email";

/// The keys of a described `map` that are no fields.
pub const NO_FIELDS: [&str; 2] = [KEY, VERIFIED_EMAIL];

/// Compiles, and collects what is wrong.
#[derive(Default)]
pub(super) struct Compiler {
    faults: Vec<SettingFault>,
}

impl Compiler {
    pub(super) fn fault(&mut self, at: &str, message: impl Into<String>) {
        self.faults.push(SettingFault { pointer: at.to_owned(), message: message.into() });
    }

    pub(super) fn read<T>(&mut self, at: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.fault(at, message)).ok()
    }

    pub(super) fn path(&mut self, at: &str, text: &str) -> Option<Path> {
        self.read(at, Path::parse(text))
    }

    /// `Some(None)`: it is left out.
    pub(super) fn optional<T>(
        &mut self,
        at: &str,
        text: Option<&String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        text.map_or(Some(None), |text| self.read(at, parse(text)).map(Some))
    }

    /// Whether the paths end with a slash. Those of an API all do, or none of them.
    fn trailing_slash(&mut self, config: &RestConfig) -> bool {
        let others = [
            config.batch.as_ref().map(|table| &table.path),
            config.list.as_ref().map(|table| &table.path),
            config.changes.as_ref().map(|table| &table.path),
            config.ping.as_ref(),
        ];
        let first = ends_with_slash(&config.fetch.path);
        if others.into_iter().flatten().any(|other| ends_with_slash(other) != first) {
            self.fault("/fetch/path", "and the other paths must all end with a slash, or none of them");
        }
        first
    }

    fn limits(&mut self, LimitsTable { remaining, reset, reset_format, .. }: &LimitsTable) {
        if remaining.is_some() != reset.is_some() || (reset.is_none() && reset_format.is_some()) {
            self.fault("/limits", "remaining and reset belong together: how many are left, and until when");
        }
    }

    fn headers(&mut self, config: &RestConfig) {
        for (name, value) in &config.headers {
            let at = format!("/headers/{name}");
            if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
                self.fault(&at, "is no header");
            } else if name.eq_ignore_ascii_case("authorization") {
                self.fault(&at, "must be in auth, which names the secret");
            }
        }
    }

    fn version(&mut self, at: &str, table: Option<&VersionTable>) -> Option<Option<(Path, TimeFormat)>> {
        let Some(table) = table else { return Some(None) };
        self.path(&format!("{at}/path"), &table.path).map(|path| Some((path, table.format)))
    }

    fn item(&mut self, config: &RestConfig) -> Option<ItemReader> {
        let FetchTable { id, gone, version, .. } = &config.fetch;
        let id = self.path("/fetch/id", id);
        let gone = self.optional("/fetch/gone/when", gone.when.as_ref(), Condition::parse);
        let version = self.version("/fetch/version", version.as_ref());
        let mut fields = BTreeMap::new();
        let (mut key, mut verified_email) = (Some(None), None);
        for (name, entry) in &config.map {
            let at = format!("/map/{name}");
            match entry {
                MapEntry::Path(path) if name == KEY => key = self.path(&at, path).map(Some),
                MapEntry::Table(_) if name == KEY => {
                    self.fault(&at, "must be a path: it is our key, and no field");
                }
                entry if name == VERIFIED_EMAIL => verified_email = FieldReader::compile(self, &at, entry),
                entry => drop(
                    FieldReader::compile(self, &at, entry).map(|field| fields.insert(name.clone(), field)),
                ),
            }
        }
        Some(ItemReader { id: id?, gone: gone?, version: version?, key: key?, verified_email, fields })
    }

    fn batch(&mut self, table: Option<&BatchTable>) -> Option<Option<Batch>> {
        let Some(table) = table else { return Some(None) };
        let path = self.read("/batch/path", Template::parse(&table.path, "ids"));
        let items = self.read("/batch/items", ListPath::parse(&table.items));
        let record = self.optional("/batch/record", table.record.as_ref(), Path::parse);
        let separator = table.separator.clone();
        Some(Some(Batch { path: path?, separator, max: table.max, items: items?, record: record? }))
    }

    fn list(&mut self, config: &RestConfig) -> Option<Option<List>> {
        let Some(table) = &config.list else { return Some(None) };
        let path = self.read("/list/path", Template::parse(&table.path, ""));
        let items = self.read("/list/items", ListPath::parse(&table.items));
        let id = self.path("/list/id", &table.id);
        // A fault of the version in `fetch` is named there.
        let version = match (&table.version, &config.fetch.version) {
            (None, Some(of_fetch)) => {
                Some(Path::parse(&of_fetch.path).ok().map(|path| (path, of_fetch.format)))
            }
            (own, _) => self.version("/list/version", own.as_ref()),
        };
        let next = table.next.as_ref().map_or(Some(Next::None), |next| self.next(next));
        let total = self.optional("/list/total", table.total.as_ref(), Path::parse);
        Some(Some(List {
            path: path?,
            items: items?,
            id: id?,
            version: version?,
            next: next?,
            total: total?,
        }))
    }

    fn next(&mut self, table: &NextTable) -> Option<Next> {
        let NextTable { link, header, cursor, parameter, page, first_page, offset } = table;
        let said = [link.is_some(), *header, cursor.is_some(), page.is_some(), offset.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            self.fault(
                "/list/next",
                "must be one of link, header = true, cursor with parameter, page, offset",
            );
            return None;
        }
        if cursor.is_some() != parameter.is_some() {
            self.fault(
                "/list/next",
                "cursor and parameter belong together: where the next cursor is, and what takes it",
            );
            return None;
        }
        Some(match (link, cursor, parameter, page, offset) {
            (Some(link), ..) => Next::Link(self.path("/list/next/link", link)?),
            (_, Some(cursor), Some(parameter), ..) => {
                let path = self.path("/list/next/cursor", cursor)?;
                Next::Cursor { path, parameter: parameter.clone() }
            }
            (.., Some(page), _) => Next::Page { parameter: page.clone(), first: *first_page },
            (.., Some(offset)) => Next::Offset { parameter: offset.clone() },
            _ => Next::Header,
        })
    }
}

impl Rest {
    /// # Errors
    /// Every fault.
    pub(crate) fn compile(config: &RestConfig) -> Result<Self, Vec<SettingFault>> {
        let mut compiler = Compiler::default();
        let fetch = compiler.read("/fetch/path", Template::parse(&config.fetch.path, "id"));
        let record = compiler.optional("/fetch/record", config.fetch.record.as_ref(), Path::parse);
        let item = compiler.item(config);
        let batch = compiler.batch(config.batch.as_ref());
        let list = compiler.list(config);
        let changes = config.changes.as_ref().map(|changes| {
            (compiler.read("/changes/path", Template::parse(&changes.path, "since")), changes.format)
        });
        let ping = compiler.optional("/ping", config.ping.as_ref(), |text| Template::parse(text, ""));
        let trailing_slash = compiler.trailing_slash(config);
        compiler.headers(config);
        compiler.limits(&config.limits);
        let pushes = push::compile(&mut compiler, config);
        let described = events::compile(&mut compiler, config.events.as_ref());
        if config.list.is_none() && config.changes.is_some() {
            compiler.fault("/changes", "needs list, which says how a page is read");
        }
        if config.list.is_none() && config.ping.is_none() {
            compiler.fault(
                "/ping",
                "is missing: without list, a path is needed that shows whether the API is up",
            );
        }
        let made = || {
            Some(Self {
                fetch: fetch?,
                record: record?,
                item: item?,
                gone_status: config.fetch.gone.status.clone(),
                etag: config.fetch.etag,
                batch: batch?,
                list: list?,
                changes: changes
                    .map(|(path, format)| path.map(|path| (path, format)))
                    .map_or(Some(None), |it| it.map(Some))?,
                ping: ping?,
                described: Described {
                    accepted: pushes.as_ref()?.as_ref().map(|pushes| pushes.places.clone()),
                    ..described?
                },
                pushes: pushes?,
                trailing_slash,
            })
        };
        match made() {
            Some(rest) if compiler.faults.is_empty() => Ok(rest),
            _ => Err(compiler.faults),
        }
    }
}
