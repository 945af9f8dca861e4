//! `HubSpot`'s webhooks (<https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide>), third version: base64 in
//! `X-HubSpot-Signature-v3` over method, URL, body and the timestamp in milliseconds
//! (<https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests>).

use provider_webhook::{
    HeaderMap, Id, Keys, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook, WebhookRecord,
    check_age, from_base64, known_kind, parse, secrets_setting, text_or_number_id, unix_millis,
    verify_digests,
};
use serde::Deserialize;
use time::OffsetDateTime;

/// `HubSpot`'s webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook = Webhook {
    name: "hubspot",
    secrets: secrets_setting("COPPICE_HUBSPOT_WEBHOOK_SECRETS", "HubSpot: client secrets of the app"),
    keys: Keys::Text,
    proof: Proof::Signature(verify),
    read,
    challenge: None,
};

const TOLERANCE_MS: u64 = 300_000;

const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
    let sent_at = request.header("x-hubspot-request-timestamp")?;
    // `HubSpot` sends two older versions beside it. They do not count, since they do not cover the time.
    let digest = [from_base64(request.header("x-hubspot-signature-v3")?)?];
    let signed_with = |url: &str| {
        let parts: [&[u8]; 4] = [request.method.as_bytes(), url.as_bytes(), request.body, sent_at.as_bytes()];
        verify_digests(secrets, &parts, &digest)
    };
    // `HubSpot`'s documentation decodes these escapes before it signs. Its library does not, so both forms are tried.
    signed_with(request.url).or_else(|_| signed_with(&decoded(request.url)))?;
    check_age(sent_at, unix_millis(now), TOLERANCE_MS)
}

fn decoded(url: &str) -> String {
    DECODED.iter().fold(url.to_owned(), |url, (escape, plain)| url.replace(escape, plain))
}

const FAMILY: &str = "contact.";

const KINDS: &[&str] = &[
    "contact.associationChange",
    "contact.creation",
    "contact.deletion",
    "contact.merge",
    "contact.privacyDeletion",
    "contact.propertyChange",
    "contact.restore",
];

const DELETIONS: [&str; 2] = ["contact.deletion", "contact.privacyDeletion"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    subscription_type: String,
    object_id: Option<Id>,
    primary_object_id: Option<Id>,
    #[serde(default)]
    merged_object_ids: Vec<Id>,
    new_object_id: Option<Id>,
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let events: Vec<Event> = parse(body)?;
    let mut all = Vec::new();
    for event in events.into_iter().filter(|event| event.subscription_type.starts_with(FAMILY)) {
        all.extend(named(event)?);
    }
    Ok(all)
}

fn named(event: Event) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let kind = known_kind(KINDS, &event.subscription_type);
    let removed = DELETIONS.contains(&kind);
    // A merge names all contacts that took part.
    let one = [event.object_id, event.primary_object_id, event.new_object_id];
    let ids = one.into_iter().flatten().chain(event.merged_object_ids);
    let named = |id| Ok(WebhookRecord::changed(text_or_number_id(id)?, kind).removed_if(removed));
    let all: Vec<WebhookRecord> = ids.map(named).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(UnreadableBody) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use provider_webhook::vectors::{Case, check};

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/fixtures/hubspot-signatures.json");

    #[test]
    fn the_signature_of_hubspot_s_own_library_is_accepted_and_altered_ones_are_refused() {
        let wrong = Err(VerifyError::Signature);
        check(
            SIGNATURES,
            "hubspot-v3",
            &WEBHOOK,
            300,
            &[
                Case::url("another query", wrong, "https://hooks.example.gov/in/hubspot?src=crm%3A2"),
                Case::url("another host", wrong, "https://hooks.example.org/in/hubspot?src=crm%3A1"),
                Case::header("another time", "x-hubspot-request-timestamp", wrong, |_| {
                    String::from("1795413600001")
                }),
                Case::header("no base64", "x-hubspot-signature-v3", wrong, |it| format!("{it}!")),
            ],
        );
    }

    #[test]
    fn a_signature_of_the_url_with_the_documented_escapes_decoded_is_accepted() {
        let wrong = Err(VerifyError::Signature);
        let another_escape = Case::url(
            "another escape decoded",
            wrong,
            "https://hooks.example.gov/in/hubspot?src=:/?@!$'()*,;A",
        );
        check(SIGNATURES, "hubspot-v3-decoded", &WEBHOOK, 300, &[another_escape]);
    }

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    #[test]
    fn every_contact_of_a_batch_is_named() {
        let body = br#"[
            {"subscriptionType":"contact.propertyChange","objectId":7,"propertyName":"email","propertyValue":"x"},
            {"subscriptionType":"contact.merge","primaryObjectId":7,"mergedObjectIds":[8],"newObjectId":9},
            {"subscriptionType":"contact.privacyDeletion","objectId":"10"},
            {"subscriptionType":"deal.creation","objectId":{}}]"#;
        let changed = |id: &str, kind| WebhookRecord::changed(id.to_owned(), kind);
        let expected = vec![
            changed("7", "contact.propertyChange"),
            changed("7", "contact.merge"),
            changed("9", "contact.merge"),
            changed("8", "contact.merge"),
            changed("10", "contact.privacyDeletion").removed_if(true),
        ];
        assert_eq!(read(body), Ok(expected));
        assert_eq!(read(b"[]"), Ok(Vec::new()));
        for ids in
            ["", r#","objectId":null"#, r#","objectId":[7]"#, r#","objectId":7,"mergedObjectIds":[""]"#]
        {
            let without_id = format!(r#"[{{"subscriptionType":"contact.merge"{ids}}}]"#);
            assert_eq!(read(without_id.as_bytes()), Err(UnreadableBody), "{ids}");
        }
        assert_eq!(read(b"{}"), Err(UnreadableBody));
    }
}
