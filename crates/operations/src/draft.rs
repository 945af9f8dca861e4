//! Drafts the description of a source with the connector `rest` from an `OpenAPI` document. In: the document, the name of the schema
//! of a person's record, a name for the source. Out: a part of `coppice.toml`, and what the document does not say. The draft
//! guesses by names, and says where; `coppice config check` and `coppice source test` tell whether it is right. No I/O.

mod calls;
mod document;
mod fields;

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use calls::{Many, Next, One};
use document::Document;
use fields::Guessed;

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// The part of `coppice.toml`, with what is open as comments at its end.
    pub toml: String,
    /// What the document does not say, or says twice: a line for each.
    pub open: Vec<String>,
}

/// Why a document is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is neither JSON nor YAML.
    #[error("the file is neither JSON nor YAML: {why}")]
    Unreadable {
        /// Where it breaks.
        why: String,
    },
    /// It does not begin as the specification demands.
    #[error("the file is no OpenAPI document: it has no `openapi: 3.…`")]
    NotOpenApi,
    /// Another version.
    #[error("the file is OpenAPI {found:?}; versions 3.0 and 3.1 can be read")]
    Version {
        /// Which one.
        found: String,
    },
    /// The schema is not there.
    #[error("the file has no schema {name:?}; it has {}", known.join(", "))]
    NoSchema {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// Drafts `[sources.<name>]`.
///
/// # Errors
/// [`DraftError`], if the document cannot be read, or has no such schema.
pub fn draft(text: &str, schema: &str, name: &str) -> Result<Draft, DraftError> {
    let document = Document::read(text)?;
    let schema = document.schema(schema)?;
    let mut draft = Draft { toml: String::new(), open: Vec::new() };
    let reads = document.reads();
    let guessed = fields::guess(&document, document.followed(schema));
    let schema = document.followed(schema);
    let (ones, lists) = (calls::one(&document, &reads, schema), calls::many(&document, &reads, schema));
    draft.line(&format!("# A draft from {}. Check each line.", text_of(document.title())));
    draft.source(&document, name);
    draft.fetch(name, &ones, &guessed);
    draft.lists(name, &lists, &guessed);
    draft.map(name, &guessed);
    draft.open.push(String::from(
        "events: which ones the API sends, or which webhooks. Without them, a resync finds the changes",
    ));
    draft.open.push(String::from("push: whether the API takes our values"));
    draft.line("");
    draft.line("# Not in the document:");
    for open in draft.open.clone() {
        draft.line(&format!("# - {open}"));
    }
    Ok(draft)
}

impl Draft {
    fn line(&mut self, line: &str) {
        self.toml.push_str(line);
        self.toml.push('\n');
    }

    fn source(&mut self, document: &Document, name: &str) {
        self.line(&format!("[sources.{}]", key(name)));
        self.line("role = \"registry\"");
        self.line("connector = \"rest\"");
        let url = document.server().unwrap_or_else(|| {
            self.open.push(String::from("url: the servers have no absolute address"));
            "https://api.example"
        });
        self.line(&format!("url = {}", text_of(url)));
        let mut schemes = document.security_schemes().filter_map(|scheme| auth(scheme, name));
        match (schemes.next(), schemes.next()) {
            (Some(auth), more) => {
                self.line(&format!("auth = {auth}"));
                if more.is_some() {
                    self.open
                        .push(String::from("auth: there are several security schemes; this is the first"));
                }
            }
            (None, _) => {
                self.line("auth = { kind = \"none\" }");
                self.open.push(String::from("auth: no security scheme that a service can use"));
            }
        }
    }

    fn fetch(&mut self, name: &str, ones: &[One], guessed: &Guessed) {
        self.line(&format!("\n[sources.{}.fetch]", key(name)));
        let Some(one) = ones.first() else {
            self.line("path = \"/{id}\"");
            self.open.push(String::from("fetch.path: no GET has one path parameter and answers this schema"));
            return;
        };
        self.line(&format!("path = {}", text_of(&one.path)));
        if let Some(record) = &one.record {
            self.line(&format!("record = {}", text_of(record)));
        }
        if ones.len() > 1 {
            self.open
                .push(format!("fetch.path: {} operations answer one record; this is the first", ones.len()));
        }
        if one.documents_gone {
            self.line("gone = { status = [410] }");
        } else {
            self.open.push(String::from(
                "fetch.gone: what proves that a record was deleted. Without a proof, a record that is not found counts as \
                 deleted only if others are found",
            ));
        }
        match &guessed.version {
            Some((path, format)) => {
                self.line(&format!("version = {{ path = {}, format = \"{format}\" }}", text_of(path)));
            }
            None => self.open.push(String::from(
                "fetch.version: no property says when a record was changed. The order of the readings decides",
            )),
        }
    }

    fn lists(&mut self, name: &str, lists: &[Many<'_>], guessed: &Guessed) {
        let Some(list) = lists.iter().find(|list| list.since.is_none()).or_else(|| lists.first()) else {
            self.open.push(String::from(
                "list: no GET without a path parameter answers an array of this schema. Without a list, no resync is possible",
            ));
            self.ping(name);
            return;
        };
        let id = guessed.id.clone().unwrap_or_else(|| {
            self.open.push(String::from("list.id: no property is called id"));
            String::from("$.id")
        });
        self.line(&format!("\n[sources.{}.list]", key(name)));
        self.line(&format!("path = {}", text_of(&list.path)));
        self.line(&format!("items = {}", text_of(&list.items)));
        self.line(&format!("id = {}", text_of(&id)));
        match &list.next {
            Some(Next::Link { path }) => self.line(&format!("next = {{ link = {} }}", text_of(path))),
            Some(Next::Cursor { path, parameter }) => self.line(&format!(
                "next = {{ cursor = {}, parameter = {} }}",
                text_of(path),
                text_of(parameter)
            )),
            Some(Next::Page { parameter }) => {
                self.line(&format!("next = {{ page = {} }}", text_of(parameter)));
            }
            Some(Next::Offset { parameter }) => {
                self.line(&format!("next = {{ offset = {} }}", text_of(parameter)));
            }
            None => self.open.push(String::from("list.next: how one page leads to the next")),
        }
        if let Some(total) = &list.total {
            self.line(&format!("total = {}", text_of(total)));
        }
        self.changes(name, lists);
        if let Some((list, ids)) = lists.iter().find_map(|list| Some((list, list.ids?))) {
            self.line(&format!("\n[sources.{}.batch]", key(name)));
            self.line(&format!("path = {}", text_of(&with(&bare(&list.path), ids, "{ids}"))));
            self.line("max = 50");
            self.line(&format!("items = {}", text_of(&list.items)));
            self.open.push(String::from("batch.max: how many IDs one call may name"));
        }
    }

    /// What shows that the API is up, where no list does. It stands before the first table, so that it belongs to the source.
    fn ping(&mut self, name: &str) {
        let table = format!("\n[sources.{}.fetch]", key(name));
        if let Some(at) = self.toml.find(&table) {
            self.toml.insert_str(at, "ping = \"/ping\"\n");
        }
        self.open.push(String::from("ping: a path that answers any JSON while the API is up"));
    }

    fn changes(&mut self, name: &str, lists: &[Many<'_>]) {
        match lists.iter().find_map(|list| Some((list, list.since?))) {
            Some((list, since)) => {
                self.line(&format!("\n[sources.{}.changes]", key(name)));
                self.line(&format!("path = {}", text_of(&with(&list.path, since, "{since}"))));
            }
            None => self.open.push(String::from(
                "changes: no parameter restricts a list to what has changed since a time",
            )),
        }
    }

    fn map(&mut self, name: &str, guessed: &Guessed) {
        self.line(&format!("\n[sources.{}.map]", key(name)));
        for (field, path) in &guessed.map {
            self.line(&format!("{field} = {}", text_of(path)));
        }
        if guessed.map.is_empty() {
            self.open.push(String::from("map: no property has the usual name of a field"));
        }
        if !guessed.rest.is_empty() {
            self.open.push(format!("map: which fields these are, if any: {}", guessed.rest.join(", ")));
        }
    }
}

/// The settings of a security scheme. `None`: it is for persons, not for services.
fn auth(scheme: &Value, name: &str) -> Option<String> {
    let secret = |of: &str| format!("{{ secret = {} }}", text_of(&format!("{name}-{of}")));
    match (scheme["type"].as_str()?, scheme["scheme"].as_str()) {
        ("http", Some(kind)) if kind.eq_ignore_ascii_case("bearer") => {
            Some(format!("{{ kind = \"bearer\", token = {} }}", secret("token")))
        }
        ("http", Some(kind)) if kind.eq_ignore_ascii_case("basic") => {
            Some(format!("{{ kind = \"basic\", user = \"coppice\", password = {} }}", secret("password")))
        }
        ("apiKey", _) if scheme["in"] == "header" => Some(format!(
            "{{ kind = \"header\", name = {}, value = {} }}",
            text_of(scheme["name"].as_str()?),
            secret("key")
        )),
        ("oauth2", _) => {
            let flow = &scheme["flows"]["clientCredentials"];
            let token_url = flow["tokenUrl"].as_str()?;
            let scopes: Vec<&str> = flow["scopes"]
                .as_object()
                .into_iter()
                .flat_map(|scopes| scopes.keys())
                .map(String::as_str)
                .collect();
            let scope = if scopes.is_empty() {
                String::new()
            } else {
                format!(", scope = {}", text_of(&scopes.join(" ")))
            };
            Some(format!(
                "{{ kind = \"oauth2\", token_url = {}, client_id = \"coppice\", client_secret = {}{scope} }}",
                text_of(token_url),
                secret("client-secret")
            ))
        }
        _ => None,
    }
}

fn bare(path: &str) -> String {
    path.split('?').next().unwrap_or(path).to_owned()
}

fn with(path: &str, parameter: &str, value: &str) -> String {
    let mut path = path.to_owned();
    let separator = if path.contains('?') { '&' } else { '?' };
    let _ = write!(path, "{separator}{parameter}={value}");
    path
}

/// A text as TOML writes it.
fn text_of(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key as TOML writes it.
fn key(name: &str) -> String {
    let plain = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-');
    if plain { name.to_owned() } else { text_of(name) }
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::*;

    const BENEFITS: &str = include_str!("draft/samples/benefits.yaml");

    #[test]
    fn a_document_becomes_a_description() {
        let made = draft(BENEFITS, "Person", "benefits").unwrap();
        assert_eq!(made.toml, include_str!("draft/samples/benefits.toml"));
        assert!(Config::parse(&made.toml).is_ok(), "what `source init` drafts can be used");
    }

    #[test]
    fn what_the_document_does_not_say_is_listed() {
        let document = r##"{"openapi": "3.1.0", "paths": {"/people/{a}/{b}": {"get": {}}, "/x": {"get": {"responses": {}}}},
            "components": {"schemas": {"P": {"type": ["object", "null"], "properties": {"q": {"$ref": "#/components/schemas/P"}}}}}}"##;
        let made = draft(document, "P", "odd name").unwrap();
        let open: Vec<&str> = made.open.iter().filter_map(|open| open.split(':').next()).collect();
        let expected = ["url", "auth", "fetch.path", "list", "ping", "map", "map", "events", "push"];
        assert_eq!(open, expected, "{:#?}", made.open);
        let named = made.toml.replace("\"odd name\"", "odd-name");
        assert!(Config::parse(&named).is_ok(), "{named}\n{:?}", Config::parse(&named).err());
    }

    #[test]
    fn a_file_of_no_use_is_refused_with_what_to_do() {
        let refused = |text: &str| draft(text, "Human", "a").unwrap_err().to_string();
        assert_eq!(refused("{\n  \"a\": ["), "the file is neither JSON nor YAML: line 2, column 8");
        assert_eq!(refused("swagger: '2.0'"), "the file is no OpenAPI document: it has no `openapi: 3.…`");
        assert_eq!(
            refused("openapi: 4.0.0"),
            "the file is OpenAPI \"4.0.0\"; versions 3.0 and 3.1 can be read"
        );
        assert_eq!(refused(BENEFITS), "the file has no schema \"Human\"; it has Base, Person");
    }
}
