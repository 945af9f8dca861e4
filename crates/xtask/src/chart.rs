//! Makes the chart's `units.yaml`, its schema, what its validations compare values with, and the table of values in its
//! README, from `crates/fleet`, the connectors, the schema of `coppice.toml`, the declared settings, and
//! `deploy/helm/coppice/values.yaml` with a comment above each key.
//!
//! helm-docs and helm-values-schema-json are Go binaries, which no registry of this project has. Bitnami's readme-generator
//! needs Node; its schemas allow unknown keys and state only types.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use connectors::CONNECTORS;
use fleet::{Kind, Need, Of, Queue, Sources, Unit};
use serde_json::{Map, Value, json};

use crate::commands::{read, workspace};

const FOLDER: &str = "deploy/helm/coppice";

/// The chart's files that are made, with their paths.
///
/// # Errors
/// A file that cannot be read, or a comment that is no schema.
pub(crate) fn files() -> anyhow::Result<Vec<(String, String)>> {
    let path = |name: &str| format!("{FOLDER}/{name}");
    let text = with_every_worker(&read(&path("values.yaml"))?)?;
    let values: Value = serde_saphyr::from_str(&text).context("values.yaml")?;
    let comments = comments(&text, &values)?;
    let mut table = String::from("| value | default | meaning |\n|---|---|---|\n");
    write_rows(&mut table, &[], &values, &comments);
    Ok(vec![
        (path("units.yaml"), units_file(&read(&path("units.yaml"))?)),
        (path("checks.yaml"), checks_file(&read(&path("checks.yaml"))?, &values, &comments)?),
        (path("values.schema.json"), format!("{:#}\n", schema(&values, &comments)?)),
        (path("README.md"), between_marks(&read(&path("README.md"))?, "values.yaml", &table)?),
        (path("values.yaml"), text),
    ])
}

/// Puts `made` between the marks of this name.
pub(crate) fn between_marks(text: &str, name: &str, made: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let marked = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = marked.with_context(|| format!("no lines `{}` and `{end}`", begin.trim()))?;
    Ok(format!("{before}{begin}{made}{end}{after}"))
}

/// A worker without an entry gets an empty one: the defaults hold for it.
fn with_every_worker(text: &str) -> anyhow::Result<String> {
    let (before, rest) = text.split_once("\nworkers:\n").context("values.yaml has no `workers`")?;
    let (entries, after) = rest.split_once("\n\n").context("values.yaml ends after `workers`")?;
    let mut entries = entries.to_owned();
    for name in fleet::names_of(Kind::Worker).chain(fleet::names_of(Kind::Server)) {
        if !entries.lines().any(|line| line.starts_with(&format!("  {name}:"))) {
            let _ = write!(entries, "\n  {name}: {{}}");
        }
    }
    Ok(format!("{before}\nworkers:\n{entries}\n\n{after}"))
}

fn head(file: &str) -> String {
    file.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn checks_file(old: &str, values: &Value, comments: &BTreeMap<Path, Comment>) -> anyhow::Result<String> {
    let mut needed = Vec::new();
    needed_values(&[], &[], values, comments, &mut needed);
    let mut text = head(old);
    for (key, entries) in [
        ("numbers", declared_settings(is_number)?),
        ("booleans", declared_settings(is_boolean)?),
        ("values", needed),
    ] {
        let _ = writeln!(text, "{key}:");
        for entry in entries {
            let _ = writeln!(text, "  - {entry}");
        }
    }
    Ok(text)
}

/// The paths of the values that cannot be absent.
///
/// `origin` is the path whose comments hold for `path`: a key whose schema is defined elsewhere has none of its own below it.
fn needed_values(
    path: &[String],
    origin: &[String],
    value: &Value,
    comments: &BTreeMap<Path, Comment>,
    into: &mut Vec<String>,
) {
    let comment = comments.get(origin).cloned().unwrap_or_default();
    let reference = comment.schema.get("$ref").and_then(|name| name.as_str()?.strip_prefix("#/$defs/"));
    if let Some(name) = reference {
        let defined = comments.iter().filter(|(_, comment)| comment.define.as_deref() == Some(name));
        return defined.for_each(|(origin, _)| needed_values(path, origin, value, comments, into));
    }
    let may_be_null = comment.schema.get("type").is_some_and(|kind| kind.to_string().contains("null"));
    // An absent text is the same as an empty one. A map with free keys may be removed, as a limit of resources, but not a block.
    let is_open = comment.schema.contains_key("additionalProperties");
    let may_be_removed = is_open && path.len() > 1 && value.as_object().is_some_and(|map| !map.is_empty());
    if value == "" || may_be_null || may_be_removed {
        return;
    }
    if !path.is_empty() {
        into.push(path.join("."));
    }
    if !is_open {
        for (key, value) in value.as_object().into_iter().flatten() {
            let below = |path: &[String]| [path, std::slice::from_ref(key)].concat();
            needed_values(&below(path), &below(origin), value, comments, into);
        }
    }
}

/// The settings that `settings::declare!` declares with such a type and such attributes, sorted by name.
fn declared_settings(wanted: fn(kind: &str, attributes: &str) -> bool) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["crates", "workers", "jobs"] {
        source_files(&workspace().join(folder), &mut files)?;
    }
    let mut names = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        names.extend(text.lines().filter_map(|line| {
            let (declared, rest) = line.split_once(" = \"COPPICE_")?;
            let (name, attributes) = rest.split_once("\" [")?;
            let (_, kind) = declared.split_once(": ")?;
            wanted(kind, attributes).then(|| format!("COPPICE_{name}"))
        }));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn is_number(_: &str, attributes: &str) -> bool {
    let default = attributes.strip_prefix("default \"").and_then(|rest| rest.split('"').next());
    let by_default = default.is_some_and(|text| text.parse::<f64>().is_ok());
    by_default || ["seconds ", "millis ", "within "].iter().any(|attribute| attributes.contains(attribute))
}

fn is_boolean(kind: &str, _: &str) -> bool {
    kind == "bool"
}

fn source_files(folder: &std::path::Path, into: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            source_files(&path, into)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

fn units_file(old: &str) -> String {
    let mut text = head(old);
    for unit in fleet::UNITS {
        let _ = writeln!(text, "{}:\n  {{{}}}", unit.name, facts(unit).join(", "));
    }
    text
}

/// What the templates need to know about a unit, as entries of a YAML map.
fn facts(unit: &Unit) -> Vec<String> {
    let kind = match unit.kind {
        Kind::Worker | Kind::Server => "worker",
        Kind::Job => "job",
        Kind::Hook => "hook",
    };
    let queue = match unit.queue {
        Queue::None => None,
        Queue::Own => Some("own"),
        Queue::Filled => Some("filled"),
        Queue::Audited => Some("audited"),
    };
    let flags = [
        ("config", unit.needs(Need::Config)),
        ("log", unit.needs(Need::Log)),
        ("drain", unit.serves_health()),
        ("serves", unit.serves_health()),
        ("server", unit.kind == Kind::Server),
        ("aws", unit.needs(Need::Aws)),
        ("content", unit.content),
    ];
    let mut facts = vec![format!("kind: {kind}")];
    facts.extend(unit.needs(Need::Bus).then(|| String::from("bus: true")));
    facts.extend(queue.map(|queue| format!("queue: {queue}")));
    facts.extend((!unit.fed_by.is_empty()).then(|| format!("fedBy: [{}]", unit.fed_by.join(", "))));
    facts.extend(flags.iter().filter(|(_, set)| *set).map(|(name, _)| format!("{name}: true")));
    facts.push(format!("sources: {}", sources(unit.sources)));
    facts
}

/// How the sources of a unit follow from the file.
fn sources(sources: Sources) -> String {
    match sources {
        Sources::None => String::from("none"),
        Sources::All => String::from("all"),
        Sources::Webhooks => String::from("webhooks"),
        Sources::Branches(Of::Role(role)) => format!("{{role: {}}}", role.as_str()),
        Sources::Branches(Of::SignIns) => {
            let with_log = CONNECTORS.iter().filter(|connector| connector.has_sign_ins());
            let names: Vec<&str> = with_log.map(|connector| connector.name).collect();
            format!("{{signIns: [{}]}}", names.join(", "))
        }
        Sources::Branches(Of::Pushes) => String::from("{pushes: true}"),
    }
}

pub(crate) fn folder() -> PathBuf {
    workspace().join(FOLDER)
}

#[derive(Debug, Default, Clone)]
struct Comment {
    text: String,
    define: Option<String>,
    with: Option<String>,
    schema: Map<String, Value>,
}

type Path = Vec<String>;

fn comments(text: &str, values: &Value) -> anyhow::Result<BTreeMap<Path, Comment>> {
    let mut comments = BTreeMap::new();
    let mut pending = Comment::default();
    // Of each key around this line: how far it is indented, and its name.
    let mut around: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(comment) = trimmed.strip_prefix('#') {
            pending.take_in(comment.trim())?;
            continue;
        }
        let key = trimmed.split_once(':').map(|(key, _)| key);
        let key = key.filter(|key| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let Some(key) = key.filter(|key| !key.is_empty() && !key.starts_with('-')) else {
            pending = Comment::default();
            continue;
        };
        let indent = line.len() - trimmed.len();
        around.retain(|(outer, _)| *outer < indent);
        around.push((indent, key.to_owned()));
        let path: Path = around.iter().map(|(_, key)| key.clone()).collect();
        let comment = std::mem::take(&mut pending);
        // Keys within lists, and within maps with free keys, have no comment.
        if path.iter().try_fold(values, |value, key| value.get(key)).is_some() {
            comments.insert(path, comment);
        }
    }
    Ok(comments)
}

impl Comment {
    fn take_in(&mut self, line: &str) -> anyhow::Result<()> {
        // The schema overrides what follows from the default's type. A definition is a schema that other keys refer to. A map
        // `with` another one may also have that one's keys.
        if let Some(schema) = line.strip_prefix("@schema ") {
            self.schema = serde_json::from_str(schema).with_context(|| format!("@schema {schema}"))?;
        } else if let Some(name) = line.strip_prefix("@define ") {
            self.define = Some(name.to_owned());
        } else if let Some(name) = line.strip_prefix("@with ") {
            self.with = Some(name.to_owned());
        } else {
            let space = if self.text.is_empty() { "" } else { " " };
            self.text.push_str(space);
            self.text.push_str(line);
        }
        Ok(())
    }
}

fn schema(values: &Value, comments: &BTreeMap<Path, Comment>) -> anyhow::Result<Value> {
    let mut definitions = Map::new();
    let mut root = schema_of(&[], values, comments, &mut definitions)?;
    for (path, comment) in comments {
        let (Some(other), [key]) = (&comment.with, path.as_slice()) else { continue };
        let others =
            values[other].as_object().with_context(|| format!("{key} with {other}, which is no map"))?;
        let map = match &comment.define {
            Some(name) => definitions.get_mut(name),
            None => root["properties"].get_mut(key),
        };
        let map = map.context("each key at the top has a schema")?;
        for key in others.keys() {
            map["properties"][key] = json!({"$ref": format!("#/properties/{other}/properties/{key}")});
        }
    }
    let root_map = root.as_object_mut().context("values.yaml is a map")?;
    root_map.insert(String::from("$schema"), json!("https://json-schema.org/draft/2020-12/schema"));
    root_map.insert(String::from("$defs"), Value::Object(definitions));
    // Helm puts it there when the chart is part of another one.
    root["properties"]["global"] = json!({"type": "object", "additionalProperties": true});
    if let Some(values) = root["properties"].get_mut("config") {
        let Value::Object(mut file) = config::schema() else { bail!("the file's schema is no object") };
        // Keys of a whole document.
        file.retain(|key, _| key != "$schema" && key != "title");
        file.insert(String::from("description"), values["description"].take());
        *values = Value::Object(file);
    }
    Ok(root)
}

fn schema_of(
    path: &[String],
    value: &Value,
    comments: &BTreeMap<Path, Comment>,
    definitions: &mut Map<String, Value>,
) -> anyhow::Result<Value> {
    let comment = comments.get(path).cloned().unwrap_or_default();
    let mut made = Map::new();
    if !comment.schema.contains_key("$ref") {
        let kind = match value {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null => bail!("{}: Helm cannot override a default that is null", path.join(".")),
        };
        made.insert(String::from("type"), json!(kind));
        // As large as Kubernetes takes it. Helm holds numbers as floats, and a larger one may be another one already.
        if value.is_number() {
            made.insert(String::from("maximum"), json!(i32::MAX));
        }
        if value.is_array() && !comment.schema.contains_key("items") {
            bail!("{}: say in @schema what its items are", path.join("."));
        }
        // A map takes no other keys, unless its comment allows them.
        if let Some(map) = value.as_object().filter(|_| !comment.schema.contains_key("additionalProperties"))
        {
            let mut properties = Map::new();
            for (key, value) in map {
                let path = [path, std::slice::from_ref(key)].concat();
                properties.insert(key.clone(), schema_of(&path, value, comments, definitions)?);
            }
            made.insert(String::from("properties"), Value::Object(properties));
            made.insert(String::from("additionalProperties"), json!(false));
        }
    }
    made.extend(comment.schema);
    if let Some(name) = &comment.define {
        definitions.insert(name.clone(), Value::Object(std::mem::take(&mut made)));
        made.insert(String::from("$ref"), json!(format!("#/$defs/{name}")));
    }
    if !comment.text.is_empty() {
        made.insert(String::from("description"), json!(comment.text));
    }
    Ok(Value::Object(made))
}

/// Writes a row for each value that an operator may set.
fn write_rows(table: &mut String, path: &[String], value: &Value, comments: &BTreeMap<Path, Comment>) {
    let comment = comments.get(path).cloned().unwrap_or_default();
    let parts = value.as_object().filter(|map| !map.is_empty());
    let entries = matches!(path, [top] if top == "workers" || top == "jobs");
    let is_entry = matches!(path, [top, _] if top == "workers" || top == "jobs");
    // A map whose schema is defined elsewhere is one row.
    let closed = !comment.schema.contains_key("$ref") && !comment.schema.contains_key("additionalProperties");
    let parts = parts.filter(|_| !is_entry && (closed || entries));
    if !path.is_empty() && (parts.is_none() || !comment.text.is_empty()) {
        let default = if parts.is_some() { String::new() } else { format!("`{value}`") };
        // A bar would end the cell.
        let escaped = [default.replace('|', "\\|"), comment.text.replace('|', "\\|")];
        let _ = writeln!(table, "| `{}` | {} | {} |", path.join("."), escaped[0], escaped[1]);
    }
    for (key, value) in parts.into_iter().flatten() {
        write_rows(table, &[path, std::slice::from_ref(key)].concat(), value, comments);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = r#"# Of the file, and of no key.

# Outer, in
# two lines.
outer:
  # @define inner
  # @schema {"minimum": 1}
  inner: 3
  list:  # no key of its own
    - name: x
# @schema {"additionalProperties": {"type": "string"}}
open: {}
"#;

    #[test]
    fn comments_become_descriptions_and_override_the_schema_of_the_type() {
        let text = YAML.replace("  list:", "  # @schema {\"items\": {}}\n  list:");
        let values: Value = serde_saphyr::from_str(&text).unwrap();
        let comments = comments(&text, &values).unwrap();
        let schema = schema(&values, &comments).unwrap();
        assert_eq!(schema["$defs"]["inner"], json!({"type": "integer", "minimum": 1, "maximum": i32::MAX}));
        let outer = &schema["properties"]["outer"];
        assert_eq!(outer["description"], "Outer, in two lines.");
        assert_eq!(outer["additionalProperties"], false);
        assert_eq!(outer["properties"]["inner"], json!({"$ref": "#/$defs/inner"}));
        let open = json!({"type": "object", "additionalProperties": {"type": "string"}});
        assert_eq!(schema["properties"]["open"], open);
        let mut table = String::new();
        write_rows(&mut table, &[], &values, &comments);
        assert!(
            table.contains("| `outer` |  | Outer, in two lines. |\n| `outer.inner` | `3` |  |\n"),
            "{table}"
        );
    }

    #[test]
    fn a_map_with_another_one_may_have_its_keys() {
        let text =
            "common:\n  a: 1\n# @with common\none:\n  b: 2\n# @define two\n# @with common\ntwo:\n  c: x\n";
        let values: Value = serde_saphyr::from_str(text).unwrap();
        let schema = schema(&values, &comments(text, &values).unwrap()).unwrap();
        let reference = json!({"$ref": "#/properties/common/properties/a"});
        assert_eq!(schema["properties"]["one"]["properties"]["a"], reference);
        assert_eq!(schema["$defs"]["two"]["properties"]["a"], reference);
        assert_eq!(schema["$defs"]["two"]["properties"]["c"]["type"], "string");
    }

    #[test]
    fn only_a_text_and_a_part_of_a_map_with_free_keys_may_be_absent() {
        let text = r#"# @define thing
thing:
  text: ""
  name: x
  list: []
  # @schema {"additionalProperties": {"type": "string"}}
  free:
    key: value
  # @schema {"type": ["integer", "null"]}
  none: 1
# @schema {"$ref": "$defs/thing"}
other:
  list: []
  free:
    key: value
"#
        .replace("$defs", "#/$defs");
        let values: Value = serde_saphyr::from_str(&text).unwrap();
        let mut needed = Vec::new();
        needed_values(&[], &[], &values, &comments(&text, &values).unwrap(), &mut needed);
        assert_eq!(needed, ["other", "other.list", "thing", "thing.list", "thing.name"]);
    }

    #[test]
    fn a_setting_s_kind_follows_from_its_declaration() {
        let numbers = declared_settings(is_number).unwrap();
        for (name, is_listed) in [
            ("COPPICE_MAX_IN_FLIGHT", true),
            ("COPPICE_RETRY_BASE_SECS", true),
            ("COPPICE_PUBLISH_LIMIT_MS", true),
            ("COPPICE_RESYNC_REQUESTS_PER_DAY", true),
            ("COPPICE_CONTENTFUL_SPACE", false),
            ("COPPICE_CONTENT_PLAIN_HTTP", false),
            ("COPPICE_LOG", false),
        ] {
            assert_eq!(numbers.contains(&String::from(name)), is_listed, "{name}");
        }
        let booleans = declared_settings(is_boolean).unwrap();
        assert!(booleans.contains(&String::from("COPPICE_CONTENT_PLAIN_HTTP")), "{booleans:?}");
        assert!(booleans.iter().all(|name| name.ends_with("_PLAIN_HTTP")));
    }

    #[test]
    fn a_list_without_an_item_schema_is_refused() {
        let values: Value = serde_saphyr::from_str(YAML).unwrap();
        let comments = comments(YAML, &values).unwrap();
        let error = schema(&values, &comments).unwrap_err().to_string();
        assert!(error.starts_with("outer.list: say in @schema"), "{error}");
    }

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let text = "before\n<!-- units: begin -->\nold\n<!-- units: end -->\nafter\n";
        let made = between_marks(text, "units", "new\n").unwrap();
        assert_eq!(made, "before\n<!-- units: begin -->\nnew\n<!-- units: end -->\nafter\n");
        assert!(between_marks(&made, "values", "new\n").is_err());
    }
}
