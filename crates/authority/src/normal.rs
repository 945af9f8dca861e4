//! Values by the type of their field: which value can be used, and which two values are the same in another spelling. The
//! profile keeps the source's own spelling. Pure.

use std::borrow::Cow;

use phonenumber::{Mode, PhoneNumber, country};
use serde_json::Value;
use time::Date;
use time::macros::format_description;

use crate::{Definition, FieldType};

impl Definition {
    /// The value as it is kept: in the source's own spelling, where a text is expected and a number found as the number's text.
    /// `None`: it does not fit the type.
    pub fn usable<'a>(&self, value: &'a Value) -> Option<Cow<'a, Value>> {
        match (self.kind, value) {
            (FieldType::Boolean, value) => boolean(value).map(|_| Cow::Borrowed(value)),
            (FieldType::Address, Value::Object(_) | Value::String(_)) => Some(Cow::Borrowed(value)),
            (FieldType::Address, _) => None,
            (FieldType::Date, Value::String(text)) => date(text).map(|_| Cow::Borrowed(value)),
            (FieldType::Date, _) => None,
            (FieldType::Code, value) => {
                let text = text(value)?;
                (self.values.is_empty() || self.values.contains(&self.code(&text)))
                    .then(|| as_text(value))
                    .flatten()
            }
            (FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Reference, value) => {
                as_text(value)
            }
        }
    }

    /// The value in the one spelling that all spellings of it share. Two values differ if these differ.
    pub fn comparable(&self, value: &Value) -> String {
        let Some(text) = text(value) else {
            return match self.kind {
                FieldType::Address => address(value),
                _ => value.to_string(),
            };
        };
        match self.kind {
            // As for linking: only ASCII letters have no case in a mail system.
            FieldType::Email => text.to_ascii_lowercase(),
            FieldType::Phone => phone(self.region, &text),
            FieldType::Date => date(&text).map_or_else(|| text.clone(), str::to_owned),
            FieldType::Boolean => boolean(value).map_or_else(|| text.clone(), |value| value.to_string()),
            FieldType::Code => self.code(&text),
            // The hashes of pushed values that are stored have this form.
            FieldType::Text | FieldType::Reference | FieldType::Address => text,
        }
    }

    /// Whether two values are the same, perhaps in two spellings.
    pub fn same(&self, one: &Value, other: &Value) -> bool {
        one == other || self.comparable(one) == self.comparable(other)
    }

    /// A listed code may be spelled in capitals.
    fn code(&self, text: &str) -> String {
        let lower = text.to_lowercase();
        if !self.values.iter().any(|one| one == text) && self.values.contains(&lower) {
            return lower;
        }
        text.to_owned()
    }
}

/// A text without its outer blanks, or a number or a boolean as a text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn as_text(value: &Value) -> Option<Cow<'_, Value>> {
    match value {
        Value::String(_) => Some(Cow::Borrowed(value)),
        Value::Number(number) => Some(Cow::Owned(Value::from(number.to_string()))),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    let text = text(value)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The day at the beginning of a date or a time.
fn date(text: &str) -> Option<&str> {
    let text = text.trim();
    let day = text.get(..10)?;
    let rest = &text[10..];
    let ends = rest.is_empty() || rest.starts_with(['T', 't', ' ']);
    (ends && Date::parse(day, format_description!("[year]-[month]-[day]")).is_ok()).then_some(day)
}

/// E.164, and the extension if there is one. A text that is no valid number stays as it is.
fn phone(region: country::Id, text: &str) -> String {
    if text.strip_prefix('+').is_some_and(|number| number.bytes().all(|one| one.is_ascii_digit())) {
        return text.to_owned();
    }
    // With a region, the library would take the region's prefixes off a number that has a country code, too.
    let region = (!text.starts_with('+')).then_some(region);
    // It takes a digit too many off some numbers, and then finds that they are not valid.
    let number = phonenumber::parse(region, text).ok().filter(PhoneNumber::is_valid);
    let Some(number) = number else { return without_separators(text).unwrap_or_else(|| text.to_owned()) };
    let e164 = number.format().mode(Mode::E164).to_string();
    match number.extension() {
        Some(extension) => format!("{e164};ext={extension}"),
        None => e164,
    }
}

/// A number with a country code that has only digits and separators.
fn without_separators(text: &str) -> Option<String> {
    let number = text.strip_prefix('+')?;
    let plain = number.chars().all(|one| one.is_ascii_digit() || " -.()/".contains(one));
    let digits = number.chars().filter(char::is_ascii_digit);
    plain.then(|| std::iter::once('+').chain(digits).collect())
}

/// Its parts without outer blanks, without those that are empty.
fn address(value: &Value) -> String {
    let Value::Object(parts) = value else { return value.to_string() };
    let parts = parts.iter().filter_map(|(name, part)| {
        let part = match part {
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => Value::from(text.trim()),
            Value::Null => return None,
            other => other.clone(),
        };
        Some((name.clone(), part))
    });
    Value::Object(parts.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Class;

    fn definition(kind: FieldType, values: &[&str]) -> Definition {
        Definition {
            kind,
            class: Class::default(),
            values: values.iter().copied().map(str::to_owned).collect(),
            region: country::US,
            from: Vec::new(),
            never: Vec::new(),
        }
    }

    #[test]
    fn two_spellings_of_one_value_are_equal_and_two_values_are_not() {
        use FieldType::{Address, Boolean, Code, Date, Email, Phone, Reference, Text};
        for (kind, one, other, equal) in [
            (Text, json!("Ada"), json!(" Ada\n"), true),
            (Text, json!("Ada"), json!("ada"), false),
            (Text, json!("42"), json!(42), true),
            (Email, json!("Ada@Example.org"), json!("ada@example.ORG "), true),
            (Email, json!("ada@example.org"), json!("ad@example.org"), false),
            // The Kelvin sign is no k.
            (Email, json!("\u{212a}@example.org"), json!("k@example.org"), false),
            (Phone, json!("+1 (202) 555-0177"), json!("+12025550177"), true),
            (Phone, json!("(202) 555-0177"), json!("+1 202 555 0177"), true),
            (Phone, json!("+44 20 7946 0018"), json!("020 7946 0018"), false),
            (Phone, json!("202-555-0177 ext. 5"), json!("202-555-0177 ext. 6"), false),
            (Phone, json!("202-555-0177 ext. 5"), json!("+12025550177 x5"), true),
            (Phone, json!("call my office"), json!(" call my office"), true),
            (Phone, json!("+1"), json!("+2"), false),
            (Date, json!("1988-04-09"), json!("1988-04-09T00:00:00Z"), true),
            (Date, json!("1988-04-09"), json!("1988-04-10"), false),
            (Boolean, json!(true), json!("True"), true),
            (Boolean, json!(1), json!(true), true),
            (Boolean, json!("0"), json!(true), false),
            (Code, json!("EN"), json!("en"), true),
            (Code, json!("es"), json!("en"), false),
            (Reference, json!("K-1"), json!("k-1"), false),
            (Address, json!({"city": " Lund", "street": null}), json!({"city": "Lund", "region": ""}), true),
            (Address, json!({"city": "Lund"}), json!({"city": "Malmö"}), false),
            (Address, json!({"city": "Lund"}), json!({"region": "Lund"}), false),
        ] {
            let values: &[&str] = if kind == Code { &["en", "es"] } else { &[] };
            let definition = definition(kind, values);
            assert_eq!(definition.same(&one, &other), equal, "{kind:?} {one} {other}");
        }
    }

    #[test]
    fn a_phone_number_is_compared_as_e_164() {
        for (region, number, expected) in [
            (country::US, "(202) 555-0177", "+12025550177"),
            (country::GB, "020 7946 0018", "+442079460018"),
            (country::SE, "08-465 004 04", "+46846500404"),
            (country::US, "+46 8 465 004 04", "+46846500404"),
            (country::US, "+33 1 23 45 67 89", "+33123456789"),
            (country::FR, "01 23 45 67 89", "+33123456789"),
            (country::US, "+7 (812) 000-00-00", "+78120000000"),
            (country::US, "+1 555 010 0177", "+15550100177"),
            (country::US, "202.555.0177 ext. 5", "+12025550177;ext=5"),
            (country::US, "555-0177", "555-0177"),
            (country::US, "none", "none"),
        ] {
            assert_eq!(phone(region, number), expected);
        }
    }

    #[test]
    fn a_text_is_compared_without_its_outer_blanks_and_otherwise_as_it_is() {
        for text in ["Ada", "ÅSA", "a  b", "1988-04-09"] {
            assert_eq!(definition(FieldType::Text, &[]).comparable(&json!(format!(" {text}\t"))), text);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_the_type_cannot_be_used() {
        use FieldType::{Address, Boolean, Code, Date, Email, Phone, Text};
        for (kind, value, kept) in [
            (Text, json!(" Ada"), Some(json!(" Ada"))),
            (Text, json!(42), Some(json!("42"))),
            (Text, json!(true), None),
            (Text, json!(["Ada"]), None),
            (Email, json!({"address": "a@example.org"}), None),
            (Phone, json!(12_025_550_177_i64), Some(json!("12025550177"))),
            (Date, json!("1988-04-09"), Some(json!("1988-04-09"))),
            (Date, json!("1988-04-09T10:00:00Z"), Some(json!("1988-04-09T10:00:00Z"))),
            (Date, json!("1988-02-30"), None),
            (Date, json!("9 April 1988"), None),
            (Date, json!("1988-04-090"), None),
            (Date, json!("1988-04-0é"), None),
            (Date, json!(19_880_409), None),
            (Boolean, json!(true), Some(json!(true))),
            (Boolean, json!("True"), Some(json!("True"))),
            (Boolean, json!(1), Some(json!(1))),
            (Boolean, json!("yes"), None),
            (Boolean, json!(2), None),
            (Code, json!("EN"), Some(json!("EN"))),
            (Code, json!("fr"), None),
            (Address, json!({"city": "Lund"}), Some(json!({"city": "Lund"}))),
            (Address, json!("Lund"), Some(json!("Lund"))),
            (Address, json!(7), None),
        ] {
            let values: &[&str] = if kind == Code { &["en", "es"] } else { &[] };
            let found = definition(kind, values).usable(&value).map(Cow::into_owned);
            assert_eq!(found, kept, "{kind:?} {value}");
        }
    }
}
