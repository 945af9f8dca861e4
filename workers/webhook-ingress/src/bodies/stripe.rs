//! Stripe Identity: `data.object.id` of `identity.verification_session.*`. <https://docs.stripe.com/api/events/object>

use serde::Deserialize;

use super::{Named, Unreadable, known, parse};

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
    id: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let event: Event = parse(body)?;
    let ours = event.kind.starts_with(FAMILY);
    let id = event.data.object.id.filter(|_| ours);
    Ok(id.map(|id| Named::changed(id, known(KINDS, &event.kind))).into_iter().collect())
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
        assert_eq!(read(br#"{"type":"customer.created"}"#), Err(Unreadable));
    }
}
