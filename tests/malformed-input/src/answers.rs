//! Recorded good answers of providers, changed in ways that keep their meaning, and then damaged in one place.
//!
//! In: a connector's [`Answer`] and a number. Out: nothing, or a panic that says which promise was broken: a value that is
//! unambiguous is never lost, damage costs no other value, and what a record needs never reads as empty.

use connectors::{ChangedPage, ListedPage, ProviderError, Record};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The name under which a [`Reading`] lists what is there and cannot be read.
const UNREAD: &str = "unread";

/// The values of an answer by name, or the text of the refusal.
pub type Reading = Result<Map<String, Value>, String>;

/// A good answer, and how its connector reads it.
pub struct Answer {
    /// The vendor and the call.
    name: &'static str,
    /// The recorded answer.
    good: Value,
    /// How the connector reads a body.
    read: fn(&[u8]) -> Reading,
    /// Which values come from which places of the answer. Places that are not here are not read.
    places: &'static [Place],
    /// The schema below which a server may write the record.
    schema: Option<&'static str>,
    /// Names are the editors' own: in another case it is another name.
    exact_names: bool,
    /// Places that are stored as they are. Nothing below them is changed in its form.
    opaque: &'static [&'static str],
}

impl Answer {
    pub(crate) const fn new(
        name: &'static str,
        good: Value,
        read: fn(&[u8]) -> Reading,
        places: &'static [Place],
    ) -> Self {
        Self { name, good, read, places, schema: None, exact_names: false, opaque: &[] }
    }

    pub(crate) fn below_schema(self, schema: &'static str) -> Self {
        Self { schema: Some(schema), ..self }
    }

    pub(crate) fn with_exact_names(self, opaque: &'static [&'static str]) -> Self {
        Self { exact_names: true, opaque, ..self }
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::from(&self.good);
        for pointer in self.opaque {
            if let (Some(place), Some(value)) = (tree.at(pointer), self.good.pointer(pointer)) {
                *place = Tree::Leaf(value.clone());
            }
        }
        tree
    }

    /// What the connector reads from the good answer.
    ///
    /// # Panics
    /// When it refuses it.
    pub fn reading(&self) -> Map<String, Value> {
        (self.read)(self.good.to_string().as_bytes()).unwrap()
    }
}

/// A place of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// As a JSON pointer.
    pub pointer: &'static str,
    /// The values that come from it.
    pub values: &'static [&'static str],
    /// Without it, or if it cannot be read, the answer is refused. Which other values can be read there: they read as
    /// themselves.
    needed: Option<fn(&Value) -> bool>,
    /// Damage below the place costs the answer, too.
    deep: bool,
    /// What is there and cannot be read is listed as [`UNREAD`].
    noted: bool,
}

impl Place {
    /// A place whose damage costs these values.
    pub const fn optional(pointer: &'static str, values: &'static [&'static str]) -> Self {
        Self { pointer, values, needed: None, deep: false, noted: false }
    }

    /// A place whose damage costs these values, and is noted: it does not look as if there was no value.
    pub const fn noted(pointer: &'static str, values: &'static [&'static str]) -> Self {
        Self { pointer, values, needed: None, deep: false, noted: true }
    }

    /// A place that is refused unless it has such a value.
    pub const fn needed(
        pointer: &'static str,
        values: &'static [&'static str],
        valid: fn(&Value) -> bool,
    ) -> Self {
        Self { pointer, values, needed: Some(valid), deep: false, noted: false }
    }

    /// A place of which each part is needed.
    pub const fn deep(
        pointer: &'static str,
        values: &'static [&'static str],
        valid: fn(&Value) -> bool,
    ) -> Self {
        Self { pointer, values, needed: Some(valid), deep: true, noted: false }
    }

    fn concerns(&self, pointer: &str) -> bool {
        is_within(self.pointer, pointer) || is_within(pointer, self.pointer)
    }

    fn may_cost_the_answer(&self, pointer: &str) -> bool {
        self.needed.is_some()
            && (is_within(self.pointer, pointer) || (self.deep && is_within(pointer, self.pointer)))
    }
}

fn is_within(pointer: &str, outer: &str) -> bool {
    pointer.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A JSON value in which a name may be there twice.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Leaf(Value),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Object(fields.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect())
            }
            leaf => Self::Leaf(leaf.clone()),
        }
    }
}

impl Tree {
    fn write(&self, text: &mut String) {
        let (open, close, parts): (char, char, Vec<(Option<&String>, &Self)>) = match self {
            Self::Leaf(value) => return text.push_str(&value.to_string()),
            Self::List(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
            Self::Object(fields) => {
                ('{', '}', fields.iter().map(|(name, value)| (Some(name), value)).collect())
            }
        };
        text.push(open);
        for (number, (name, value)) in parts.into_iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            if let Some(name) = name {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
            }
            value.write(text);
        }
        text.push(close);
    }

    /// Every place below and with this one, as JSON pointers.
    fn pointers(&self, own: &str, all: &mut Vec<String>) {
        all.push(own.to_owned());
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => {
                (0..)
                    .zip(items)
                    .for_each(|(at, item): (usize, _)| item.pointers(&format!("{own}/{at}"), all));
            }
            Self::Object(fields) => {
                fields.iter().for_each(|(name, value)| value.pointers(&format!("{own}/{name}"), all));
            }
        }
    }

    fn at(&mut self, pointer: &str) -> Option<&mut Self> {
        let Some(rest) = pointer.strip_prefix('/') else { return Some(self) };
        let (name, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let found = match self {
            Self::Leaf(_) => None,
            Self::List(items) => items.get_mut(name.parse::<usize>().ok()?),
            Self::Object(fields) => fields.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value),
        };
        found?.at(below)
    }

    fn each(&mut self, change: &mut impl FnMut(&mut Self)) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => items.iter_mut().for_each(|item| item.each(change)),
            Self::Object(fields) => fields.iter_mut().for_each(|(_, value)| value.each(change)),
        }
        change(self);
    }
}

/// Changes an answer as this number says, reads it, and compares it with the reading of the good one.
///
/// # Panics
/// When one is broken.
pub fn check(answer: &Answer, good: &Map<String, Value>, number: u64) {
    let mut random = StdRng::seed_from_u64(number);
    let mut tree = answer.tree();
    // The damage comes first: its place is that of the recorded answer.
    let damage = random.random_bool(0.6).then(|| damaged(&mut tree, answer.exact_names, &mut random));
    keep_meaning(&mut tree, answer, &mut random);
    let mut text = if random.random_bool(0.3) { String::from("\u{feff}") } else { String::new() };
    tree.write(&mut text);
    let read = (answer.read)(text.as_bytes());
    let about = || {
        format!("{} {number}, damage {damage:?}: {read:?}\n{}", answer.name, &text[..text.len().min(4000)])
    };
    let Some((pointer, how)) = &damage else {
        assert!(read.as_ref() == Ok(good), "a value is lost: {}", about());
        return;
    };
    let concerned: Vec<&Place> = answer.places.iter().filter(|place| place.concerns(pointer)).collect();
    let needed = concerned.iter().any(|place| place.may_cost_the_answer(pointer)) || pointer.is_empty();
    let Ok(values) = &read else {
        assert!(needed, "an optional value costs the answer: {}", about());
        return;
    };
    // Of the places around the damage only the innermost: damage in one record of a list costs no other.
    let around = |place: &Place| is_within(pointer, place.pointer);
    let innermost = concerned.iter().filter(|place| around(place)).map(|place| place.pointer.len()).max();
    let read_from =
        concerned.iter().copied().filter(|place| !around(place) || Some(place.pointer.len()) == innermost);
    let differs = |(name, value): &(&String, &Value)| *name != UNREAD && values.get(*name) != Some(value);
    for (name, _) in good.iter().filter(differs) {
        let own: Vec<&Place> =
            read_from.clone().filter(|place| place.values.contains(&name.as_str())).collect();
        assert!(!own.is_empty(), "damage costs another value, {name}: {}", about());
        // What is there and cannot be read is refused; what is not there may have a default.
        let may_differ = own.iter().any(|place| match (place.needed, how) {
            (None, _) | (_, Damage::Removed) => true,
            (Some(valid), Damage::Replaced(odd)) => valid(odd),
            (Some(_), Damage::Contradicted) => false,
        });
        assert!(may_differ, "a needed value reads as another, {name}: {}", about());
        let is_lost = values.get(name).is_none_or(Value::is_null) && !matches!(how, Damage::Removed);
        let hidden = own.iter().any(|place| place.noted && is_within(pointer, place.pointer));
        let is_noted = values.get(UNREAD).is_some_and(|unread| *unread != json!([]));
        assert!(
            !(is_lost && hidden) || is_noted,
            "what cannot be read looks as if it was not there, {name}: {}",
            about()
        );
    }
}

#[derive(Debug)]
enum Damage {
    /// The value is no longer there, null or empty.
    Removed,
    /// Another value is there.
    Replaced(Value),
    /// The name is there twice, with two values.
    Contradicted,
}

/// Damages one place. Out: the place in the recorded answer, and how.
fn damaged(tree: &mut Tree, exact_names: bool, random: &mut StdRng) -> (String, Damage) {
    let mut all = Vec::new();
    tree.pointers("", &mut all);
    let pointer = all.choose(random).cloned().unwrap_or_default();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    let odd = odd(random);
    let kind = random.random_range(0..4);
    if let Some(Tree::Object(fields)) = (!pointer.is_empty()).then(|| tree.at(parent)).flatten() {
        let place = fields.iter().position(|(own, _)| own == name).unwrap_or_default();
        match kind {
            0 => {
                fields.remove(place);
                return (pointer, Damage::Removed);
            }
            1 => {
                fields[place].0 = format!("x-{name}");
                return (pointer, Damage::Removed);
            }
            2 if !odd.is_null() && fields[place].1 != Tree::from(&odd) => {
                let at = random.random_range(0..=fields.len());
                fields.insert(at, (again(name, exact_names, random), Tree::from(&odd)));
                return (pointer, Damage::Contradicted);
            }
            _ => {}
        }
    }
    if let Some(place) = tree.at(&pointer) {
        *place = Tree::from(&odd);
    }
    // An empty list, or an empty text, is how some servers say that there is no value.
    let removed = odd.is_null() || odd == json!([]) || odd == json!("");
    (pointer, if removed { Damage::Removed } else { Damage::Replaced(odd) })
}

fn odd(random: &mut StdRng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-7),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("perhaps"),
        json!("true"),
        json!("2026-02-30T25:61:61Z"),
        json!([]),
        json!({}),
        json!(["a", "b"]),
        json!([{"value": "a"}, {"value": "b"}]),
        json!({"value": "x"}),
        json!({"id": "other"}),
        json!("x".repeat(70_000)),
    ];
    values.choose(random).cloned().unwrap_or_default()
}

/// Changes that a lenient reader does not notice.
fn keep_meaning(tree: &mut Tree, answer: &Answer, random: &mut StdRng) {
    for _ in 0..random.random_range(0..6) {
        let kind = random.random_range(if answer.exact_names { 1..5 } else { 0..5 });
        tree.each(&mut |place| {
            if random.random_bool(0.3) {
                changed_in_form(place, kind, random);
            }
        });
    }
    // Last, or the two would be changed in different ways.
    tree.each(&mut |place| {
        if random.random_bool(0.1) {
            repeat_a_name(place, answer.exact_names, random);
        }
    });
    if let (Some(schema), Tree::Object(fields), true) = (answer.schema, &mut *tree, random.random_bool(0.3)) {
        let own: Vec<(String, Tree)> = fields
            .extract_if(.., |(name, _)| {
                !name.contains(':') && !name.eq_ignore_ascii_case("schemas") && random.random_bool(0.7)
            })
            .collect();
        fields.push((schema.to_owned(), Tree::Object(own)));
    }
}

fn changed_in_form(place: &mut Tree, kind: i32, random: &mut StdRng) {
    match (kind, place) {
        (0, Tree::Object(fields)) => {
            fields
                .iter_mut()
                .filter(|(name, _)| !name.contains(':'))
                .for_each(|(name, _)| *name = in_another_case(name, random));
        }
        (1, Tree::Object(fields)) => fields.shuffle(random),
        (2, Tree::Object(fields)) => {
            // More than was asked for. What is below another name is not the record's.
            let more = json!({"id": "other", "active": false, "blocked": true, "text": "x".repeat(random.random_range(0..9000))});
            fields.push((format!("x{}", random.random::<u32>()), Tree::from(&more)));
        }
        (3, place @ Tree::Leaf(Value::Bool(_))) => {
            let yes = *place == Tree::Leaf(json!(true));
            let forms = if yes {
                [json!("True"), json!("true"), json!(1), json!("1")]
            } else {
                [json!("False"), json!("false"), json!(0), json!("0")]
            };
            *place = Tree::Leaf(forms.choose(random).cloned().unwrap_or_default());
        }
        (4, Tree::Leaf(Value::String(text))) if text.ends_with('Z') && text.len() > 18 && text.is_ascii() => {
            let bare = text.trim_end_matches('Z').to_owned();
            let forms = [
                format!("{bare}+00:00"),
                format!("{bare}+0000"),
                bare.clone(),
                format!("{}Z", bare.replace('T', " ")),
            ];
            if let Some(form) = forms.choose(random) {
                form.clone_into(text);
            }
        }
        (4, place @ Tree::Leaf(Value::Number(_))) => {
            if let Tree::Leaf(Value::Number(number)) = &*place
                && number.is_u64()
            {
                *place = Tree::Leaf(Value::from(number.to_string()));
            }
        }
        _ => {}
    }
}

fn repeat_a_name(place: &mut Tree, exact_names: bool, random: &mut StdRng) {
    let Tree::Object(fields) = place else { return };
    if let Some((name, value)) = fields.choose(random).cloned() {
        let value = if random.random_bool(0.5) { value } else { Tree::Leaf(Value::Null) };
        fields.push((again(&name, exact_names, random), value));
    }
}

fn again(name: &str, exact_names: bool, random: &mut StdRng) -> String {
    if exact_names { name.to_owned() } else { in_another_case(name, random) }
}

fn in_another_case(name: &str, random: &mut StdRng) -> String {
    let other = |sign: char| {
        if random.random_bool(0.5) { sign.to_ascii_uppercase() } else { sign.to_ascii_lowercase() }
    };
    name.chars().map(other).collect()
}

/// True for an ID. A number that the changes of form have written as a text is one, too.
pub(crate) fn is_id(value: &Value) -> bool {
    value.is_u64() || value.is_i64() || is_text(value)
}

/// True for a text. A flag that the changes of form have written as a text is one, too.
pub(crate) fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_boolean() || value.is_u64()
}

/// True for a whole number. A flag that the changes of form have written as a number is one, too.
pub(crate) fn is_number(value: &Value) -> bool {
    value.is_u64() || value.is_boolean()
}

pub(crate) fn is_flag(value: &Value) -> bool {
    [json!(true), json!(false), json!(0), json!(1), json!("true")].contains(value)
}

/// What a connector has read of a record: its content, its version, and what it could not read.
pub(crate) fn values_of(record: &Record) -> Map<String, Value> {
    let mut values = record.content().as_object().cloned().unwrap_or_default();
    values.insert(String::from("version"), json!(record.version_at.map(|at| at.to_string())));
    values.insert(String::from("etag"), json!(record.etag));
    values.insert(UNREAD.to_owned(), json!(record.unread));
    values
}

/// A page of a listing: each ID with its version, and how many records there are, the unreadable ones included.
pub(crate) fn listed(page: Result<ListedPage, ProviderError>) -> Reading {
    let page = page.map_err(|error| error.to_string())?;
    let count = page.records.len() + page.unreadable.len();
    let version =
        |version: Option<OffsetDateTime>| json!(version.map(|at| at.to_string()).unwrap_or_default());
    let mut values: Map<String, Value> =
        page.records.into_iter().map(|record| (record.id, version(record.version))).collect();
    values.insert(String::from("count"), json!(count));
    Ok(values)
}

/// A page of a feed: each ID, how many records there are, and where the feed continues.
pub(crate) fn changed(page: Result<ChangedPage, ProviderError>) -> Reading {
    let page = page.map_err(|error| error.to_string())?;
    let mut values: Map<String, Value> = page.ids.iter().map(|id| (id.clone(), json!(true))).collect();
    values.insert(String::from("count"), json!(page.ids.len() + page.unreadable.len()));
    values.insert(String::from("next"), json!(page.next));
    values.insert(String::from("more"), json!(page.more));
    Ok(values)
}
