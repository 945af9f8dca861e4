//! Fields that `coppice.toml` maps, in addition to those that a connector knows. In: the record as the vendor has answered it. Out:
//! the record with a value for each mapped field. This is the only place that reads them: connectors only request them.

use std::fmt::Write as _;

use authority::Field;
use provider_http::json::{Json, Unread, kept};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Record;

/// Which further fields are read of each record of a source.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    fields: Vec<Mapped>,
    /// See [`Mapping::mark`].
    mark: String,
}

/// A field, and where a vendor's record has its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedField {
    /// The field.
    pub field: Field,
    /// A JSON pointer (RFC 6901) into the record.
    pub pointer: String,
    /// Whether the value may be an object: a postal address.
    pub is_address: bool,
}

#[derive(Debug, Clone)]
struct Mapped {
    field: Field,
    path: Vec<String>,
    is_address: bool,
}

/// What a mark begins with. No vendor ends an entity tag so. The store looks for it, too: `postgres_store::Store::records_read_otherwise`.
const MARK: &str = "#map:";

impl Mapping {
    /// A mapping of these fields.
    pub fn new(fields: &[MappedField]) -> Self {
        let mut mark = String::new();
        if !fields.is_empty() {
            let mut hash = Sha256::new();
            for MappedField { field, pointer, is_address } in fields {
                for part in [field.as_str(), pointer, if *is_address { "address" } else { "" }] {
                    hash.update(part);
                    hash.update([0]);
                }
            }
            mark.push_str(MARK);
            mark.push_str(&short_hash(hash));
        }
        let mapped = |MappedField { field, pointer, is_address }: &MappedField| Mapped {
            field: field.clone(),
            path: pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            is_address: *is_address,
        };
        Self { fields: fields.iter().map(mapped).collect(), mark }
    }

    /// A mapping that the connector makes itself, by this description. Only its mark is known here.
    pub fn described(description: &Value) -> Self {
        // serde_json keeps keys sorted, so equal descriptions have equal texts.
        let mark = format!("{MARK}{}", short_hash(Sha256::new_with_prefix(description.to_string())));
        Self { fields: Vec::new(), mark }
    }

    /// What is put behind the entity tag of each record that is read by this mapping. Empty: nothing is mapped.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Whether it says where the field is.
    pub(crate) fn maps(&self, field: &Field) -> bool {
        self.fields.iter().any(|mapped| mapped.field == *field)
    }

    /// The record, with the value of each mapped field in place of the connector's own.
    pub(crate) fn add(&self, mut record: Record, raw: &Json) -> Record {
        // As for the connector's own values: a case that is not verified says nothing.
        let speaks = record.verification.is_none() || record.is_verified();
        for mapped in &self.fields {
            let field = mapped.field.as_str().to_owned();
            let read = if speaks { mapped.read(raw) } else { Ok(Value::Null) };
            let value = read.unwrap_or_else(|Unread| {
                record.unread.push(field.clone().into());
                Value::Null
            });
            let own = record.assertions.insert(field, value.clone());
            if mapped.field == *Field::email() && own.as_ref() != Some(&value) {
                // The source has verified its own address, and not what the file takes for one.
                record.account.iter_mut().for_each(|account| account.email_verified = false);
            }
        }
        self.marked(record)
    }

    /// The record with the mark.
    pub(crate) fn marked(&self, mut record: Record) -> Record {
        if !self.mark.is_empty() {
            // Alone, if the vendor has no entity tags.
            record.etag.get_or_insert_default().push_str(&self.mark);
        }
        record
    }

    /// The vendor's part of a stored entity tag. `None` if the record was read by another mapping: an answer "not modified" would
    /// keep what was read by that one.
    pub fn known_etag<'a>(&self, stored: Option<&'a str>) -> Option<&'a str> {
        self.known_cursor(stored?).filter(|etag| !etag.is_empty())
    }

    /// The vendor's part of a cursor that [`Mapping::mark`] ends. `None`: the cursor is of a feed for another mapping.
    pub(crate) fn known_cursor<'a>(&self, stored: &'a str) -> Option<&'a str> {
        let (cursor, mark) = stored.split_at(stored.rfind(MARK).unwrap_or(stored.len()));
        (mark == self.mark).then_some(cursor)
    }

    /// What to request of a vendor that answers only what it is asked for: these names, and one of each mapped path.
    pub(crate) fn requested(
        &self,
        own: &[&str],
        name_of: impl Fn(&[String]) -> Option<String>,
    ) -> Vec<String> {
        let mut names: Vec<String> = own.iter().map(|&name| name.to_owned()).collect();
        for name in self.fields.iter().filter_map(|mapped| name_of(&mapped.path)) {
            // Vendors refuse a name that is there twice, some also in another case.
            if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                names.push(name);
            }
        }
        names
    }
}

fn short_hash(hash: Sha256) -> String {
    let mut text = String::new();
    for byte in hash.finalize().iter().take(8) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The value of the record itself that a path begins with.
pub(crate) fn root(path: &[String]) -> Option<String> {
    path.first().cloned()
}

impl Mapped {
    fn read(&self, raw: &Json) -> Result<Value, Unread> {
        let found = raw.along(&self.path);
        match found.value()? {
            Some(Json::Object(parts)) if self.is_address => {
                let parts = kept(parts)?;
                let is_empty = |part: &Value| part.is_null() || part.as_str() == Some("");
                Ok(if parts.values().all(is_empty) { Value::Null } else { Value::Object(parts) })
            }
            _ => Ok(found.plain()?.unwrap_or(Value::Null)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::record::{Account, Verification, VerificationStatus, assertions};

    fn mapping(fields: &[(&str, &str)]) -> Mapping {
        let mapped = fields.iter().map(|(field, pointer)| MappedField {
            field: field.parse().unwrap(),
            pointer: (*pointer).to_owned(),
            is_address: *field == "mailing_address",
        });
        Mapping::new(&mapped.collect::<Vec<_>>())
    }

    fn user() -> Record {
        Record {
            version_at: Some(OffsetDateTime::UNIX_EPOCH),
            etag: Some(String::from(r#"W/"3""#)),
            assertions: assertions([("email", Some(String::from("nora@bayside.example"))), ("phone", None)]),
            account: Some(Account { blocked: false, email_verified: true, identities: Vec::new() }),
            ..Record::of(String::from("auth0|1"))
        }
    }

    fn read(record: Record, fields: &[(&str, &str)], raw: &str) -> Record {
        mapping(fields).add(record, &serde_json::from_str(raw).unwrap())
    }

    #[test]
    fn a_mapped_value_is_an_assertion_and_replaces_the_connector_s_own() {
        let raw = r#"{"user_metadata":{"lang":"vi","a/b":{"m~n":[{"Phone":7}]}}}"#;
        let user = read(
            user(),
            &[("preferred_language", "/user_metadata/lang"), ("phone", "/user_metadata/a~1b/m~0n/0/phone")],
            raw,
        );
        assert_eq!(
            json!(user.assertions),
            json!({"email": "nora@bayside.example", "phone": 7, "preferred_language": "vi"})
        );
        assert_eq!(user.content()["preferred_language"], "vi");
        assert!(user.unread.is_empty() && user.account().email_verified);
    }

    #[test]
    fn a_missing_value_is_null_and_one_that_cannot_be_read_is_unread_too() {
        let mapped = |value: &str| {
            let user = read(user(), &[("lang", "/m/lang")], &format!(r#"{{"m":{{"lang":{value}}}}}"#));
            (user.assertions["lang"].clone(), user.unread.concat())
        };
        for (value, read) in [
            (r#""vi""#, json!("vi")),
            (r#"["vi"]"#, json!("vi")),
            ("true", json!(true)),
            ("1.5", json!(1.5)),
            ("null", Value::Null),
            ("[]", Value::Null),
            (r#""""#, Value::Null),
        ] {
            assert_eq!(mapped(value), (read, String::new()), "{value}");
        }
        for value in [r#"["vi","en"]"#, "{}", r#"{"code":"vi"}"#, r#""vi","Lang":"en""#] {
            assert_eq!(mapped(value), (Value::Null, String::from("lang")), "{value}");
        }
        let absent = read(user(), &[("lang", "/x/lang")], "{}");
        assert!(absent.assertions["lang"].is_null() && absent.unread.is_empty());
    }

    #[test]
    fn only_an_address_may_be_an_object() {
        let fields = [("lang", "/home"), ("mailing_address", "/home")];
        let user = |raw: &str| read(user(), &fields, raw);
        let both = user(r#"{"home":{"street":"12 Quarry Lane","lines":[1,null]}}"#);
        assert_eq!(
            both.assertions["mailing_address"],
            json!({"street": "12 Quarry Lane", "lines": [1, null]})
        );
        assert_eq!(
            (both.assertions["lang"].clone(), both.unread.concat()),
            (Value::Null, String::from("lang"))
        );
        assert!(user(r#"{"home":{"street":null,"city":""}}"#).assertions["mailing_address"].is_null());
        let twice = user(r#"{"home":{"street":"a","street":"b"}}"#);
        assert!(twice.assertions["mailing_address"].is_null());
        assert_eq!(twice.unread, ["lang", "mailing_address"]);
    }

    #[test]
    fn a_case_that_is_not_verified_says_nothing_by_a_map() {
        for (status, says) in [
            (VerificationStatus::Verified, json!("vi")),
            (VerificationStatus::InReview, Value::Null),
            (VerificationStatus::Redacted, Value::Null),
        ] {
            let verification = Some(Verification { status, opened_at: None, decided_at: None });
            let case = Record { verification, ..Record::of(String::from("vs_1")) };
            let mapped = |raw: &str| read(case.clone(), &[("lang", "/metadata/lang")], raw);
            assert_eq!(mapped(r#"{"metadata":{"lang":"vi"}}"#).assertions["lang"], says, "{status:?}");
            let unread = mapped(r#"{"metadata":{"lang":{}}}"#).unread;
            assert_eq!(unread.is_empty(), says.is_null(), "{status:?}");
        }
    }

    #[test]
    fn a_mapped_address_does_not_count_as_verified_unless_it_is_the_verified_one() {
        for (raw, verified) in [
            (r#"{"mail":"nora@bayside.example"}"#, true),
            (r#"{"mail":"admin@bayside.example"}"#, false),
            (r#"{"mail":7}"#, false),
            ("{}", false),
        ] {
            let user = read(user(), &[("email", "/mail")], raw);
            assert_eq!(user.account().email_verified, verified, "{raw}");
        }
    }

    #[test]
    fn an_entity_tag_is_known_only_to_the_mapping_by_which_the_record_was_read() {
        let (none, lang) = (Mapping::default(), mapping(&[("lang", "/lang")]));
        let other = mapping(&[("lang", "/language")]);
        let etag = |mapping: &Mapping| mapping.add(user(), &Json::Null).etag.unwrap();
        assert_eq!(etag(&none), r#"W/"3""#);
        for reader in [&none, &lang, &other] {
            for read_by in [&none, &lang, &other] {
                let stored = etag(read_by);
                let known = reader.known_etag(Some(&stored));
                assert_eq!(known, (reader.mark == read_by.mark).then_some(r#"W/"3""#), "{stored}");
            }
            assert_eq!(reader.known_etag(None), None);
        }
        let without = |mapping: &Mapping| mapping.add(Record { etag: None, ..user() }, &Json::Null).etag;
        assert_eq!((without(&none), without(&lang).as_deref()), (None, Some(lang.mark())));
        assert_eq!(lang.known_etag(Some(lang.mark())), None, "the vendor has no entity tags");
    }

    /// With another mark, each record would be read whole once after an upgrade.
    #[test]
    fn the_mark_of_a_mapping_is_the_same_in_every_release() {
        let mark = |fields: &[(&str, &str)]| mapping(fields).mark().to_owned();
        assert_eq!(mark(&[]), "");
        assert_eq!(mark(&[("lang", "/lang")]), "#map:c62acaee6d4f4230");
        assert_eq!(mark(&[("mailing_address", "/home"), ("lang", "/m/lang")]), "#map:83c09134be35f34a");
    }

    #[test]
    fn a_name_is_requested_once() {
        let mapping = mapping(&[("lang", "/meta/lang"), ("shoe_size", "/meta/size"), ("phone", "/EMAIL")]);
        assert_eq!(mapping.requested(&["id", "email"], root), ["id", "email", "meta"]);
    }
}
