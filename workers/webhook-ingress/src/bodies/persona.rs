//! Persona: `data.attributes.payload.data.id` of `inquiry.*`. <https://docs.withpersona.com/docs/events>

use serde::Deserialize;

use super::{Id, Named, Unreadable, known, parse, text, time_of};

const FAMILY: &str = "inquiry.";

const KINDS: &[&str] = &[
    "inquiry.approved",
    "inquiry.completed",
    "inquiry.created",
    "inquiry.declined",
    "inquiry.expired",
    "inquiry.failed",
    "inquiry.marked-for-review",
    "inquiry.redacted",
    "inquiry.started",
    "inquiry.transitioned",
];

#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    name: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    data: Record,
}

#[derive(Deserialize)]
struct Record {
    id: Option<Id>,
    attributes: Option<RecordAttributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RecordAttributes {
    updated_at: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let event: Event = parse(body)?;
    let Attributes { name, payload: Payload { data: record } } = event.data.attributes;
    if !name.starts_with(FAMILY) {
        return Ok(Vec::new());
    }
    let updated_at = record.attributes.and_then(|attributes| attributes.updated_at);
    let not_before = time_of(updated_at.as_deref());
    Ok(vec![Named { not_before, ..Named::changed(text(record.id)?, known(KINDS, &name)) }])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn body(name: &str) -> Vec<u8> {
        let record =
            r#"{"id":"inq_1","attributes":{"status":"approved","updated-at":"2026-11-22T18:06:12.000Z"}}"#;
        format!(r#"{{"data":{{"attributes":{{"name":"{name}","payload":{{"data":{record}}}}}}}}}"#)
            .into_bytes()
    }

    #[test]
    fn an_inquiry_is_named_with_its_time_and_nothing_else_of_persona_s() {
        let expected = Named {
            not_before: Some(datetime!(2026-11-22 18:06:12 UTC)),
            ..Named::changed("inq_1".to_owned(), "inquiry.approved")
        };
        assert_eq!(read(&body("inquiry.approved")), Ok(vec![expected]));
        assert_eq!(read(&body("account.created")), Ok(Vec::new()));
        let without = String::from_utf8(body("inquiry.approved")).unwrap().replace("\"id\"", "\"key\"");
        assert_eq!(read(without.as_bytes()), Err(Unreadable));
        assert_eq!(read(without.replace("inquiry.", "account.").as_bytes()), Ok(Vec::new()));
        assert_eq!(read(br#"{"data":{}}"#), Err(Unreadable));
    }
}
