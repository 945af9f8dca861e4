//! Persona's webhooks: signed as Stripe's, in `Persona-Signature`, and `data.attributes.payload.data.id` of `inquiry.*`
//! (<https://docs.withpersona.com/docs/events>).

use provider_webhook::{
    HeaderMap, Keys, MAX_SIGNATURES, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook,
    WebhookRecord, known_kind, parse, rfc3339, verify_timed_set,
};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::client::is_inquiry_id;

/// Persona's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Signature(verify), read, challenge: None, signs_url: false };

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
    // Two sets while an operator rotates a secret: <https://docs.withpersona.com/webhooks-best-practices#checking-signatures>.
    let sets = request.header("persona-signature")?.split(' ').take(MAX_SIGNATURES);
    let mut verdict = Err(VerifyError::Signature);
    for set in sets {
        match verify_timed_set(set, request.body, secrets, now) {
            Ok(()) => return Ok(()),
            Err(VerifyError::Time) => verdict = Err(VerifyError::Time),
            Err(VerifyError::Signature) => {}
        }
    }
    verdict
}

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
    payload: Option<Value>,
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let event: Event = parse(body)?;
    let Attributes { name, payload } = event.data.attributes;
    // The kind first: events of other kinds have other payloads, or none.
    if !name.starts_with(FAMILY) {
        return Ok(Vec::new());
    }
    let inquiry = payload.as_ref().and_then(|payload| payload.get("data")).ok_or(UnreadableBody)?;
    let id =
        inquiry.get("id").and_then(Value::as_str).filter(|id| is_inquiry_id(id)).ok_or(UnreadableBody)?;
    let not_before = rfc3339(inquiry.pointer("/attributes/updated-at").and_then(Value::as_str));
    Ok(vec![WebhookRecord::changed(id.to_owned(), known_kind(KINDS, &name)).not_before(not_before)])
}

#[cfg(test)]
mod tests {
    use provider_webhook::vectors::{Case, check};
    use time::macros::datetime;

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/fixtures/persona/signatures.json");

    #[test]
    fn the_signature_of_persona_s_formula_is_accepted_and_altered_ones_are_refused() {
        let foreign_set_first = Case::header("a foreign set first", "persona-signature", Ok(()), |it| {
            format!("t=1795413600,v1=00ff {it}")
        });
        check(SIGNATURES, "persona", &WEBHOOK, 300, &[foreign_set_first]);
    }

    #[test]
    fn during_a_rotation_either_secret_is_accepted() {
        check(SIGNATURES, "persona-rotating", &WEBHOOK, 300, &[]);
    }

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    fn body(name: &str) -> Vec<u8> {
        let record =
            r#"{"id":"inq_1","attributes":{"status":"approved","updated-at":"2026-11-22T18:06:12.000Z"}}"#;
        format!(r#"{{"data":{{"attributes":{{"name":"{name}","payload":{{"data":{record}}}}}}}}}"#)
            .into_bytes()
    }

    #[test]
    fn a_webhook_names_its_inquiry_with_a_time_and_no_other_object() {
        let expected = WebhookRecord::changed("inq_1".to_owned(), "inquiry.approved")
            .not_before(Some(datetime!(2026-11-22 18:06:12 UTC)));
        assert_eq!(read(&body("inquiry.approved")), Ok(vec![expected]));
        assert_eq!(read(&body("account.created")), Ok(Vec::new()));
        let without = String::from_utf8(body("inquiry.approved")).unwrap().replace("\"id\"", "\"key\"");
        assert_eq!(read(without.as_bytes()), Err(UnreadableBody));
        assert_eq!(read(without.replace("inquiry.", "account.").as_bytes()), Ok(Vec::new()));
        assert_eq!(read(br#"{"data":{}}"#), Err(UnreadableBody));
        let odd_time = String::from_utf8(body("inquiry.approved")).unwrap().replace("2026-11-22T18", "x");
        let unbounded = WebhookRecord::changed("inq_1".to_owned(), "inquiry.approved");
        assert_eq!(read(odd_time.as_bytes()), Ok(vec![unbounded]));
        for id in ["inq_*", "acc_1", "inq_", ""] {
            let other = String::from_utf8(body("inquiry.approved")).unwrap().replace("inq_1", id);
            assert_eq!(read(other.as_bytes()), Err(UnreadableBody), "{id}");
        }
    }

    #[test]
    fn an_event_of_another_kind_is_not_ours_whatever_its_payload() {
        for payload in ["", r#","payload":null"#, r#","payload":{}"#, r#","payload":{"data":[]}"#] {
            let event = |name: &str| {
                format!(
                    r#"{{"data":{{"type":"event","id":"evt_1","attributes":{{"name":"{name}"{payload}}}}}}}"#
                )
            };
            assert_eq!(read(event("report/adverse-media.ready").as_bytes()), Ok(Vec::new()), "{payload}");
            assert_eq!(read(event("inquiry.approved").as_bytes()), Err(UnreadableBody), "{payload}");
        }
    }
}
