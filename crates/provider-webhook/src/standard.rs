//! Standard Webhooks, for providers that have no `webhook.rs` of their own. Scheme: `webhook-signature: v1,<base64>` (a space
//! between several) over `<id>.<timestamp>.<body>`; the key is the base64 after `whsec_`
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>). Body: thin events, as the
//! specification advises, `{"type": …, "data": {"id": …}}`, or `"ids"`.

use http::HeaderMap;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    Id, Keys, OTHER_KIND, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook, WebhookRecord,
    check_age, from_base64, parse, text_or_number_id, verify_digests,
};

/// Webhooks of any provider that signs as Standard Webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Base64, proof: Proof::Signature(verify), read, challenge: None, signs_url: false };

const TOLERANCE_SECS: u64 = 300;

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
    let id = request.header("webhook-id")?;
    let sent_at = request.header("webhook-timestamp")?;
    // `v1a` needs a public key, and we have none.
    let signatures =
        request.header("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let digests: Vec<Vec<u8>> = signatures.filter_map(|text| from_base64(text).ok()).collect();
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", sent_at.as_bytes(), b".", request.body];
    verify_digests(secrets, &parts, &digests)?;
    check_age(sent_at, now.unix_timestamp(), TOLERANCE_SECS)
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    read_thin_event(body)
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: Option<Id>,
    ids: Option<Vec<Id>>,
}

/// The records that a thin event names.
///
/// # Errors
/// [`UnreadableBody`] when it names none.
pub fn read_thin_event(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let event: Event = parse(body)?;
    // Every type is ours: operator and sender agree on the types.
    let removed = event.kind.ends_with(".deleted");
    let ids = event.data.id.into_iter().chain(event.data.ids.into_iter().flatten());
    let named = |id| Ok(WebhookRecord::changed(text_or_number_id(id)?, OTHER_KIND).removed_if(removed));
    let all: Vec<WebhookRecord> = ids.map(named).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(UnreadableBody) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{Case, check};

    const SIGNATURES: &str = include_str!("../tests/fixtures/standard-webhooks-signatures.json");

    #[test]
    fn the_signature_of_the_standard_s_own_library_is_accepted_and_altered_ones_are_refused() {
        let wrong = Err(VerifyError::Signature);
        check(
            SIGNATURES,
            "standard-webhooks",
            &WEBHOOK,
            300,
            &[
                Case::header("a foreign one first", "webhook-signature", Ok(()), |it| {
                    format!("v1a,AAAA v1,AAAA {it}")
                }),
                Case::header("another ID", "webhook-id", wrong, |it| format!("{it}x")),
                Case::header("another time", "webhook-timestamp", wrong, |_| String::from("1795413601")),
                Case::header("as v1a", "webhook-signature", wrong, |it| it.replace("v1,", "v1a,")),
            ],
        );
    }

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    #[test]
    fn one_id_or_several_are_named() {
        let changed = |id: &str| WebhookRecord::changed(id.to_owned(), OTHER_KIND);
        let gone = |id: &str| changed(id).removed_if(true);
        assert_eq!(
            read(br#"{"type":"person.verified","data":{"id":"P-1","name":"x"}}"#),
            Ok(vec![changed("P-1")])
        );
        assert_eq!(read(br#"{"type":"a.deleted","data":{"ids":["1",2]}}"#), Ok(vec![gone("1"), gone("2")]));
        for data in ["{}", r#"{"id":null}"#, r#"{"ids":[]}"#, r#"{"id":""}"#, r#"{"ids":["1",{}]}"#] {
            let without_id = format!(r#"{{"type":"a","data":{data}}}"#);
            assert_eq!(read(without_id.as_bytes()), Err(UnreadableBody), "{data}");
        }
        assert_eq!(read(br#"{"type":"a"}"#), Err(UnreadableBody));
    }
}
