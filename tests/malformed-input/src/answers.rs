//! Recorded good answers of providers, changed in ways that keep their meaning, and then damaged in one place.
//!
//! In: a connector's [`Answer`] and a number. Out: nothing, or a panic that says which promise was broken: a value that is
//! unambiguous is never lost, damage costs no other value, and what a record needs never reads as empty.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};

/// The values of an answer by name, or the text of the refusal.
pub type Reading = Result<Map<String, Value>, String>;

/// A good answer, and how its connector reads it.
pub struct Answer {
    /// The vendor and the call.
    pub name: &'static str,
    /// The recorded answer.
    pub good: Value,
    /// How the connector reads a body.
    pub read: fn(&[u8]) -> Reading,
    /// Which values come from which places of the answer. Places that are not here are not read.
    pub places: &'static [Place],
    /// The schema below which a server may write the record.
    pub schema: Option<&'static str>,
}

impl Answer {
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
}

impl Place {
    /// A place whose damage costs these values.
    pub const fn optional(pointer: &'static str, values: &'static [&'static str]) -> Self {
        Self { pointer, values, needed: None, deep: false }
    }

    /// A place that is refused unless it has such a value.
    pub const fn needed(
        pointer: &'static str,
        values: &'static [&'static str],
        valid: fn(&Value) -> bool,
    ) -> Self {
        Self { pointer, values, needed: Some(valid), deep: false }
    }

    /// A place of which each part is needed.
    pub const fn deep(
        pointer: &'static str,
        values: &'static [&'static str],
        valid: fn(&Value) -> bool,
    ) -> Self {
        Self { pointer, values, needed: Some(valid), deep: true }
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
    let mut tree = Tree::from(&answer.good);
    // The damage comes first: its place is that of the recorded answer.
    let damage = random.random_bool(0.6).then(|| damaged(&mut tree, &mut random));
    keep_meaning(&mut tree, answer.schema, &mut random);
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
    for (name, _) in good.iter().filter(|(name, value)| values.get(*name) != Some(value)) {
        let own: Vec<&&Place> =
            concerned.iter().filter(|place| place.values.contains(&name.as_str())).collect();
        assert!(!own.is_empty(), "damage costs another value, {name}: {}", about());
        // What is there and cannot be read is refused; what is not there may have a default.
        let may_differ = own.iter().any(|place| match (place.needed, how) {
            (None, _) | (_, Damage::Removed) => true,
            (Some(valid), Damage::Replaced(odd)) => valid(odd),
            (Some(_), Damage::Contradicted) => false,
        });
        assert!(may_differ, "a needed value reads as another, {name}: {}", about());
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
fn damaged(tree: &mut Tree, random: &mut StdRng) -> (String, Damage) {
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
                fields.insert(at, (in_another_case(name, random), Tree::from(&odd)));
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
fn keep_meaning(tree: &mut Tree, schema: Option<&str>, random: &mut StdRng) {
    for _ in 0..random.random_range(0..6) {
        let kind = random.random_range(0..5);
        tree.each(&mut |place| {
            if random.random_bool(0.3) {
                changed_in_form(place, kind, random);
            }
        });
    }
    // Last, or the two would be changed in different ways.
    tree.each(&mut |place| {
        if random.random_bool(0.1) {
            repeat_a_name(place, random);
        }
    });
    if let (Some(schema), Tree::Object(fields), true) = (schema, &mut *tree, random.random_bool(0.3)) {
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

fn repeat_a_name(place: &mut Tree, random: &mut StdRng) {
    let Tree::Object(fields) = place else { return };
    if let Some((name, value)) = fields.choose(random).cloned() {
        let again = if random.random_bool(0.5) { value } else { Tree::Leaf(Value::Null) };
        fields.push((in_another_case(&name, random), again));
    }
}

fn in_another_case(name: &str, random: &mut StdRng) -> String {
    let other = |sign: char| {
        if random.random_bool(0.5) { sign.to_ascii_uppercase() } else { sign.to_ascii_lowercase() }
    };
    name.chars().map(other).collect()
}
