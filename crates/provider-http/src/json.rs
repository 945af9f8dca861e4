//! A vendor's record, read leniently: names in any case, a text where a number was promised, a list of one in place of a value.
//!
//! What is unambiguous is read. What is not is [`Unread`]: it costs an optional field alone ([`Fields::optional`]), and the record
//! if the field is needed ([`needed`]). Nothing that we do not recognise reads as an empty value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::error::ProviderError;
use crate::lenient::parse_time;

/// A JSON value. Unlike `serde_json::Value` it keeps a name that is there twice. It holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object, in the order of the text.
    Object(Vec<(String, Self)>),
}

/// A value that is there and cannot be read: it has another form, or a name has two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread;

/// What a record has under a name: a value, nothing (also for `null`), or something that cannot be read.
#[derive(Clone, Copy)]
pub struct Field<'a>(Result<Option<&'a Json>, Unread>);

impl Json {
    /// The value of this name, in any case.
    pub fn at(&self, name: &str) -> Field<'_> {
        let Self::Object(fields) = self else { return Field(Err(Unread)) };
        let mut values = fields
            .iter()
            .filter(|(own, value)| own.eq_ignore_ascii_case(name) && *value != Self::Null)
            .map(|(_, value)| value);
        let first = values.next();
        // Twice the same is unambiguous.
        let agree = values.all(|other| Some(other) == first);
        Field(if agree { Ok(first) } else { Err(Unread) })
    }

    /// The value at the end of a path: names in any case, and places in lists, from 0.
    pub fn along<'a>(&'a self, path: &[String]) -> Field<'a> {
        path.iter().fold(Field(Ok(Some(self))), |found, step| match (found.0, step.parse::<usize>()) {
            (Ok(Some(Self::List(items))), Ok(place)) => {
                Field(Ok(items.get(place).filter(|item| **item != Self::Null)))
            }
            _ => found.at(step),
        })
    }

    /// The items of a list; a single value in its place is a list of one.
    pub const fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        }
    }

    /// True if the object has one of these names, in any case and with any value.
    pub fn has_any(&self, names: &[&str]) -> bool {
        let Self::Object(fields) = self else { return false };
        fields.iter().any(|(own, _)| names.iter().any(|name| own.eq_ignore_ascii_case(name)))
    }

    /// The object with the fields below `name` beside its own.
    #[must_use]
    pub fn lifted(self, name: &str) -> Self {
        let Self::Object(fields) = self else { return self };
        let mut lifted = Vec::with_capacity(fields.len());
        for (own, value) in fields {
            match value {
                Self::Object(below) if own.eq_ignore_ascii_case(name) => lifted.extend(below),
                value => lifted.push((own, value)),
            }
        }
        Self::Object(lifted)
    }
}

impl Json {
    /// The value in the form of `serde_json`, and whether a name in it has two values. Such a name is left out: it cannot be read.
    pub fn into_value(self) -> (Value, bool) {
        let mut contradicts = false;
        let value = self.plain_value(&mut contradicts);
        (value, contradicts)
    }

    fn plain_value(self, contradicts: &mut bool) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Bool(flag),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text),
            Self::List(items) => {
                Value::Array(items.into_iter().map(|item| item.plain_value(contradicts)).collect())
            }
            Self::Object(fields) => {
                let (mut kept, mut left_out) = (Map::new(), BTreeSet::new());
                for (name, value) in fields {
                    let value = value.plain_value(contradicts);
                    if kept.get(&name).is_some_and(|known| *known != value) {
                        left_out.insert(name);
                    } else {
                        kept.insert(name, value);
                    }
                }
                *contradicts |= !left_out.is_empty();
                left_out.iter().for_each(|name| drop(kept.remove(name)));
                Value::Object(kept)
            }
        }
    }
}

/// Fields that are kept as they are, names included.
///
/// # Errors
/// [`Unread`] if a name in them has two values.
pub fn kept<'a>(fields: impl IntoIterator<Item = &'a (String, Json)>) -> Result<Map<String, Value>, Unread> {
    let mut kept = Map::new();
    for (name, value) in fields {
        let value = kept_value(value)?;
        match kept.get(name) {
            None | Some(Value::Null) => drop(kept.insert(name.clone(), value)),
            Some(known) if value.is_null() || *known == value => {}
            Some(_) => return Err(Unread),
        }
    }
    Ok(kept)
}

fn kept_value(value: &Json) -> Result<Value, Unread> {
    Ok(match value {
        Json::Null => Value::Null,
        Json::Flag(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(number.clone()),
        Json::Text(text) => Value::String(text.clone()),
        Json::List(items) => Value::Array(items.iter().map(kept_value).collect::<Result<_, _>>()?),
        Json::Object(fields) => Value::Object(kept(fields)?),
    })
}

impl<'a> Field<'a> {
    /// The value of this name below the field.
    #[must_use]
    pub fn at(self, name: &str) -> Self {
        match self.0 {
            Ok(Some(value)) => value.at(name),
            absent => Self(absent),
        }
    }

    /// The value itself, unless it is missing.
    ///
    /// # Errors
    /// [`Unread`] for a name with two values.
    pub const fn value(self) -> Result<Option<&'a Json>, Unread> {
        self.0
    }

    /// A text. An empty one is none.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn text(self) -> Result<Option<String>, Unread> {
        self.scalar(|value| match value {
            Json::Text(text) => Some(text.clone()),
            _ => None,
        })
        .map(|text| text.filter(|text| !text.is_empty()))
    }

    /// A text, a number or a flag, as it is. An empty text is none.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn plain(self) -> Result<Option<Value>, Unread> {
        self.scalar(|value| match value {
            Json::Text(text) => Some(Value::String(text.clone())),
            Json::Number(number) => Some(Value::Number(number.clone())),
            Json::Flag(flag) => Some(Value::Bool(*flag)),
            Json::Null | Json::List(_) | Json::Object(_) => None,
        })
        .map(|value| value.filter(|value| value.as_str() != Some("")))
    }

    /// An ID, a key or an opaque version: a text, or a whole number. An empty text is none.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn id(self) -> Result<Option<String>, Unread> {
        self.scalar(|value| match value {
            Json::Text(text) => Some(text.clone()),
            Json::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        })
        .map(|id| id.filter(|id| !id.is_empty()))
    }

    /// A flag, also as `"True"`, `"false"`, `1` or `"0"`.
    ///
    /// # Errors
    /// [`Unread`] for anything else, an empty text included.
    pub fn flag(self) -> Result<Option<bool>, Unread> {
        self.scalar(|value| match value {
            Json::Flag(flag) => Some(*flag),
            Json::Text(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
            Json::Text(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
            Json::Number(number) if number.as_u64() == Some(1) => Some(true),
            Json::Number(number) if number.as_u64() == Some(0) => Some(false),
            _ => None,
        })
    }

    /// A whole number that is not negative, also as a text.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn number(self) -> Result<Option<u64>, Unread> {
        self.scalar(|value| match value {
            Json::Number(number) => number.as_u64(),
            Json::Text(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// A time, as [`parse_time`] reads it. An empty text is none.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn time(self) -> Result<Option<OffsetDateTime>, Unread> {
        self.text()?.map(|text| parse_time(&text).ok_or(Unread)).transpose()
    }

    /// A date, `YYYY-MM-DD`. An empty text is none.
    ///
    /// # Errors
    /// [`Unread`] for anything else.
    pub fn date(self) -> Result<Option<Date>, Unread> {
        let format = format_description!("[year]-[month]-[day]");
        self.text()?.map(|text| Date::parse(&text, format).map_err(|_| Unread)).transpose()
    }

    /// A list; a single value in its place is a list of one.
    ///
    /// # Errors
    /// [`Unread`] for a name with two values.
    pub fn list(self) -> Result<Option<&'a [Json]>, Unread> {
        Ok(self.0?.map(Json::items))
    }

    fn scalar<T>(self, read: impl Fn(&Json) -> Option<T>) -> Result<Option<T>, Unread> {
        match self.list()? {
            None | Some([]) => Ok(None),
            // A list of one, or of the same.
            Some([first, others @ ..]) if others.iter().all(|other| other == first) => {
                read(first).map(Some).ok_or(Unread)
            }
            Some(_) => Err(Unread),
        }
    }
}

/// Collects the names of a record's fields that cannot be read.
#[derive(Debug, Default)]
pub struct Fields {
    unread: BTreeSet<&'static str>,
}

impl Fields {
    /// The field's value. One that cannot be read counts as missing, and is noted under this name.
    pub fn optional<T>(&mut self, name: &'static str, read: Result<Option<T>, Unread>) -> Option<T> {
        read.unwrap_or_else(|Unread| {
            self.unread.insert(name);
            None
        })
    }

    /// The names of the fields that could not be read.
    pub fn unread(self) -> Vec<Cow<'static, str>> {
        self.unread.into_iter().map(Cow::Borrowed).collect()
    }
}

/// A field that a record must have.
///
/// # Errors
/// [`ProviderError::Unreadable`] when it is missing or cannot be read.
pub fn needed<T>(name: &'static str, read: Result<Option<T>, Unread>) -> Result<T, ProviderError> {
    read.ok().flatten().ok_or(ProviderError::Unreadable { field: name })
}

/// A field that may be missing, but not unreadable: whether a user is blocked, for example.
///
/// # Errors
/// [`ProviderError::Unreadable`] when it is there and cannot be read.
pub fn readable<T>(name: &'static str, read: Result<Option<T>, Unread>) -> Result<Option<T>, ProviderError> {
    read.map_err(|Unread| ProviderError::Unreadable { field: name })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).unwrap_or(Json::Null)
    }

    #[test]
    fn a_name_is_found_in_any_case_and_below_others() {
        let record = json(r#"{"ID":"7","Name":{"GIVENNAME":"Nora"},"email":null}"#);
        assert_eq!(record.at("id").text(), Ok(Some("7".into())));
        assert_eq!(record.at("name").at("givenName").text(), Ok(Some("Nora".into())));
        for absent in [record.at("email"), record.at("phone"), record.at("phone").at("value")] {
            assert_eq!(absent.text(), Ok(None));
        }
        assert_eq!(record.at("id").at("value").text(), Err(Unread), "a text has no names");
    }

    #[test]
    fn a_name_with_two_values_cannot_be_read_and_the_same_value_twice_can() {
        assert_eq!(json(r#"{"active":true,"Active":false}"#).at("active").flag(), Err(Unread));
        assert_eq!(json(r#"{"active":false,"active":true}"#).at("active").flag(), Err(Unread));
        assert_eq!(json(r#"{"active":false,"Active":false}"#).at("active").flag(), Ok(Some(false)));
        assert_eq!(json(r#"{"active":false,"Active":null}"#).at("active").flag(), Ok(Some(false)));
    }

    #[test]
    fn a_flag_is_read_in_every_form_that_has_one_meaning() {
        let flag = |value: &str| json(&format!(r#"{{"flag":{value}}}"#)).at("flag").flag();
        for yes in ["true", r#""true""#, r#""True""#, "1", r#""1""#, "[true]"] {
            assert_eq!(flag(yes), Ok(Some(true)), "{yes}");
        }
        for no in ["false", r#""FALSE""#, "0", r#""0""#] {
            assert_eq!(flag(no), Ok(Some(false)), "{no}");
        }
        for unread in
            [r#""yes""#, r#""""#, "2", "-1", "0.5", "{}", "[true,false]", r#""nora@bayside.example""#]
        {
            assert_eq!(flag(unread), Err(Unread), "{unread}");
        }
        assert_eq!((flag("null"), flag("[]")), (Ok(None), Ok(None)));
    }

    #[test]
    fn an_id_is_a_text_or_a_whole_number_and_a_text_may_be_a_list_of_one() {
        let field = |value: &str| json(&format!(r#"{{"f":{value}}}"#));
        for (value, id) in [
            ("223", "223"),
            ("-1", "-1"),
            (r#""00u1""#, "00u1"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(field(value).at("f").id(), Ok(Some(id.to_owned())));
        }
        for unread in ["1.5", "1e3", "true", "{}", r#"["a","b"]"#, "184467440737095516150"] {
            assert_eq!(field(unread).at("f").id(), Err(Unread), "{unread}");
        }
        assert_eq!(field(r#"["Nora"]"#).at("f").text(), Ok(Some("Nora".into())));
        assert_eq!(field(r#"["Nora","Maria"]"#).at("f").text(), Err(Unread));
        assert_eq!(field("7").at("f").text(), Err(Unread));
        assert_eq!(field(r#""""#).at("f").id(), Ok(None));
    }

    #[test]
    fn a_path_leads_through_objects_and_lists_to_a_plain_value() {
        let record = json(
            r#"{"Profile":{"langs":["en",null,{"code":"vi"}],"n":7,"ok":true,"none":null,"empty":"","o":{},"one":["x"]}}"#,
        );
        let plain = |path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            record.along(&path).plain().map(|value| value.map(|value| value.to_string()))
        };
        for (path, value) in [
            ("profile/langs/0", r#""en""#),
            ("profile/LANGS/2/code", r#""vi""#),
            ("profile/n", "7"),
            ("profile/ok", "true"),
            ("profile/one", r#""x""#),
        ] {
            assert_eq!(plain(path).as_ref().map(Option::as_deref), Ok(Some(value)), "{path}");
        }
        for path in
            ["profile/none", "profile/none/x", "profile/empty", "profile/langs/1", "profile/langs/9", "x/y"]
        {
            assert_eq!(plain(path), Ok(None), "{path}");
        }
        for path in ["profile/langs", "profile/langs/code", "profile/o", "profile/n/x"] {
            assert_eq!(plain(path), Err(Unread), "{path}");
        }
    }

    #[test]
    fn an_optional_field_that_cannot_be_read_is_noted_and_a_needed_one_is_an_error() {
        let record = json(r#"{"email":7,"active":"perhaps"}"#);
        let mut fields = Fields::default();
        assert_eq!(fields.optional("email", record.at("email").text()), None);
        assert_eq!(fields.optional("phone", record.at("phone").text()), None);
        assert_eq!(fields.unread(), ["email"]);
        let unreadable = |field| ProviderError::Unreadable { field };
        assert_eq!(readable("active", record.at("active").flag()), Err(unreadable("active")));
        assert_eq!(readable("blocked", record.at("blocked").flag()), Ok(None));
        assert_eq!(needed("id", record.at("id").id()), Err(unreadable("id")));
    }

    #[test]
    fn fields_are_kept_as_they_are_unless_a_name_has_two_values() {
        let kept = |text: &str| match json(text) {
            Json::Object(fields) => kept(&fields).map(|kept| Value::Object(kept).to_string()),
            _ => Err(Unread),
        };
        for (text, expected) in [
            (r#"{"B":[1,null],"b":{"c":1.5}}"#, r#"{"B":[1,null],"b":{"c":1.5}}"#),
            (r#"{"a":1,"a":null}"#, r#"{"a":1}"#),
            (r#"{"a":null,"a":"x"}"#, r#"{"a":"x"}"#),
            (r#"{"a":[{"b":true}],"a":[{"b":true}]}"#, r#"{"a":[{"b":true}]}"#),
        ] {
            assert_eq!(kept(text).as_deref(), Ok(expected), "{text}");
        }
        for contradiction in [r#"{"a":1,"a":2}"#, r#"{"a":[{"b":"draft","b":"published"}]}"#] {
            assert_eq!(kept(contradiction), Err(Unread), "{contradiction}");
        }
    }

    #[test]
    fn a_date_has_one_form() {
        let date = |value: &str| json(&format!(r#"{{"d":{value}}}"#)).at("d").date();
        assert_eq!(
            date(r#""1988-04-09""#).map(|date| date.map(|date| date.to_string())),
            Ok(Some("1988-04-09".into()))
        );
        assert_eq!((date("null"), date(r#""""#)), (Ok(None), Ok(None)));
        for unread in [r#""1988-02-30""#, r#""09.04.1988""#, "19880409", r#""1988-04-09T00:00:00Z""#] {
            assert_eq!(date(unread), Err(Unread), "{unread}");
        }
    }

    #[test]
    fn fields_below_a_name_are_read_beside_the_others() {
        let record = json(r#"{"id":"7","URN:x":{"active":false,"id":"7"},"active":null}"#).lifted("urn:x");
        assert_eq!(
            (record.at("id").id(), record.at("active").flag()),
            (Ok(Some("7".into())), Ok(Some(false)))
        );
        let contradicts = json(r#"{"active":true,"urn:x":{"active":false}}"#).lifted("urn:x");
        assert_eq!(contradicts.at("active").flag(), Err(Unread));
    }
}
