//! Stripe Identity: `data.object.id` of `identity.verification_session.*`. <https://docs.stripe.com/api/events/object>

use serde::Deserialize;

use super::{Id, Named, Unreadable, known, parse, text};

const FAMILY: &str = "identity.verification_session.";

const KINDS: &[&str] = &[
    "identity.verification_session.canceled",
    "identity.verification_session.created",
    "identity.verification_session.processing",
    "identity.verification_session.redacted",
    "identity.verification_session.requires_input",
    "identity.verification_session.verified",
];

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: Option<Id>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let event: Event = parse(body)?;
    if !event.kind.starts_with(FAMILY) {
        return Ok(Vec::new());
    }
    Ok(vec![Named::changed(text(event.data.object.id)?, known(KINDS, &event.kind))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &str) -> Vec<u8> {
        let object = r#"{"id":"vs_1","object":"identity.verification_session","metadata":{"name":"x"}}"#;
        format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#).into_bytes()
    }

    #[test]
    fn a_session_is_named_and_nothing_else_of_stripe_s() {
        let verified = "identity.verification_session.verified";
        assert_eq!(read(&body(verified)), Ok(vec![Named::changed("vs_1".to_owned(), verified)]));
        let later = read(&body("identity.verification_session.of_tomorrow")).unwrap();
        assert_eq!(later, [Named::changed("vs_1".to_owned(), "webhook")]);
        assert_eq!(read(&body("customer.created")), Ok(Vec::new()));
        for object in ["{}", r#"{"id":7}"#, r#"{"id":null}"#, r#"{"id":""}"#] {
            let nobody = format!(r#"{{"type":"{verified}","data":{{"object":{object}}}}}"#);
            assert_eq!(read(nobody.as_bytes()), Err(Unreadable), "{object}");
            let other = nobody.replace(verified, "balance.available");
            assert_eq!(read(other.as_bytes()), Ok(Vec::new()), "{object}");
        }
        assert_eq!(read(br#"{"type":"customer.created"}"#), Err(Unreadable));
    }
}
