//! Stripe's webhooks: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`
//! (<https://docs.stripe.com/webhooks?verify=verify-manually>), and `data.object.id` of `identity.verification_session.*`
//! (<https://docs.stripe.com/api/events/object>).

use provider_webhook::{
    HeaderMap, Keys, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook, WebhookRecord,
    known_kind, parse, verify_timed_set,
};
use serde_json::Value;
use time::OffsetDateTime;

use super::account::Account;
use super::events::is_session_id;

/// Stripe's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Signature(verify), read, challenge: None, signs_url: false };

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
    verify_timed_set(request.header("stripe-signature")?, request.body, secrets, now)
}

const FAMILY: &str = "identity.verification_session.";

const KINDS: &[&str] = &[
    "identity.verification_session.canceled",
    "identity.verification_session.created",
    "identity.verification_session.processing",
    "identity.verification_session.redacted",
    "identity.verification_session.requires_input",
    "identity.verification_session.verified",
];

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let event: Value = parse(body)?;
    let kind = event.get("type").and_then(Value::as_str).ok_or(UnreadableBody)?;
    // The kind first: events of other kinds have other shapes, as those of `v2` without an object in `data`.
    if !kind.starts_with(FAMILY) {
        return Ok(Vec::new());
    }
    let id = event.pointer("/data/object/id").and_then(Value::as_str);
    let id = id.filter(|id| is_session_id(id)).ok_or(UnreadableBody)?;
    // The worker knows which account it reads.
    let account = Account::of_event(&event).ok_or(UnreadableBody)?.to_text();
    Ok(vec![WebhookRecord::changed(id.to_owned(), known_kind(KINDS, kind)).of_account(account)])
}

#[cfg(test)]
mod tests {
    use provider_webhook::vectors::{Case, check};

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/fixtures/stripe/signatures.json");

    #[test]
    fn the_signature_of_stripe_s_own_library_is_accepted_and_altered_ones_are_refused() {
        let wrong = Err(VerifyError::Signature);
        check(
            SIGNATURES,
            "stripe",
            &WEBHOOK,
            300,
            &[
                Case::header("another v1 first", "stripe-signature", Ok(()), |it| {
                    it.replace(",v1=", ",v1=00ff,v1=")
                }),
                Case::header("as v0", "stripe-signature", wrong, |it| it.replace("v1=", "v0=")),
                Case::header("two times", "stripe-signature", wrong, |it| format!("t=1,{it}")),
                Case::header("no time", "stripe-signature", wrong, |it| it.replace("t=", "x=")),
            ],
        );
    }

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    fn body(kind: &str) -> Vec<u8> {
        let object = r#"{"id":"vs_1","object":"identity.verification_session","metadata":{"name":"x"}}"#;
        format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#).into_bytes()
    }

    #[test]
    fn a_webhook_names_its_session_and_no_other_object() {
        let verified = "identity.verification_session.verified";
        assert_eq!(read(&body(verified)), Ok(vec![WebhookRecord::changed("vs_1".to_owned(), verified)]));
        let later = read(&body("identity.verification_session.added_later")).unwrap();
        assert_eq!(later, [WebhookRecord::changed("vs_1".to_owned(), "webhook")]);
        assert_eq!(read(&body("customer.created")), Ok(Vec::new()));
        for object in
            ["{}", r#"{"id":7}"#, r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":"vs_*"}"#, r#"{"id":"cus_1"}"#]
        {
            let without_id = format!(r#"{{"type":"{verified}","data":{{"object":{object}}}}}"#);
            assert_eq!(read(without_id.as_bytes()), Err(UnreadableBody), "{object}");
            let other = without_id.replace(verified, "balance.available");
            assert_eq!(read(other.as_bytes()), Ok(Vec::new()), "{object}");
        }
        for data in ["", r#","data":null"#, r#","data":[]"#, r#","data":{"object":null}"#] {
            let without_object = format!(r#"{{"type":"{verified}"{data}}}"#);
            assert_eq!(read(without_object.as_bytes()), Err(UnreadableBody), "{data}");
        }
        assert_eq!(read(b"{}"), Err(UnreadableBody));
    }

    #[test]
    fn a_webhook_keeps_the_account_and_the_mode() {
        let read = |more: &str| {
            let body = String::from_utf8(body("identity.verification_session.verified")).unwrap();
            read(body.replacen('{', &format!("{{{more},"), 1).as_bytes())
                .map(|records| records[0].account.clone())
        };
        assert_eq!(
            read(r#""account":"acct_1Connected7","livemode":true"#),
            Ok(Some("acct_1Connected7 live".to_owned()))
        );
        assert_eq!(read(r#""account":null,"livemode":false"#), Ok(Some("test".to_owned())));
        assert_eq!(read(r#""account":{}"#), Err(UnreadableBody));
    }

    #[test]
    fn an_event_of_another_kind_is_not_ours_whatever_its_shape() {
        let ping = br#"{"id":"evt_test_1","object":"v2.core.event","type":"v2.core.event_destination.ping","livemode":false,
            "created":"2026-11-30T00:00:00.000Z","context":null,
            "related_object":{"id":"ed_test_1","type":"v2.core.event_destination"}}"#;
        assert_eq!(read(ping), Ok(Vec::new()));
        for body in [r#"{"type":"customer.created"}"#, r#"{"type":"ping","data":7}"#] {
            assert_eq!(read(body.as_bytes()), Ok(Vec::new()), "{body}");
        }
    }
}
