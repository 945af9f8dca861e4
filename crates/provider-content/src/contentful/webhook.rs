//! Contentful's webhooks: hex in `x-contentful-signature` over four lines, which are method, path, the signed headers and the
//! body (<https://www.contentful.com/developers/docs/webhooks/request-verification/>), and `sys.id` of an entry or asset.

use provider_webhook::{
    HeaderMap, Keys, OTHER_KIND, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook,
    WebhookRecord, check_age, from_hex, known_kind, parse, rfc3339, unix_millis, verify_digests,
};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::record::is_resource_id;

/// Contentful's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Signature(verify), read, challenge: None, signs_url: false };

const TOLERANCE_MS: u64 = 30_000;

const TIMESTAMP: &str = "x-contentful-timestamp";
const SIGNED_HEADERS: &str = "x-contentful-signed-headers";

/// Contentful signs a handful.
const MAX_SIGNED_HEADERS: usize = 50;

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
    let sent_at = request.header(TIMESTAMP)?;
    let digest = from_hex(request.header("x-contentful-signature")?)?;
    let names: Vec<String> =
        request.header(SIGNED_HEADERS)?.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    // Any sender can write the parts that are not signed. So the signature must cover both the time and the list itself.
    let covered = [TIMESTAMP, SIGNED_HEADERS].iter().all(|name| names.iter().any(|signed| signed == name));
    if !covered || names.len() > MAX_SIGNED_HEADERS {
        return Err(VerifyError::Signature);
    }
    let mut headers = Vec::with_capacity(names.len());
    for name in &names {
        headers.push(format!("{name}:{}", request.header(name)?.trim()));
    }
    let head = format!("{}\n{}\n{}\n", request.method, request.path, headers.join(";"));
    verify_digests(secrets, &[head.as_bytes(), request.body], &[digest])?;
    check_age(sent_at, unix_millis(now), TOLERANCE_MS)
}

const KINDS: &[&str] = &[
    "ContentManagement.Asset.archive",
    "ContentManagement.Asset.delete",
    "ContentManagement.Asset.publish",
    "ContentManagement.Asset.unarchive",
    "ContentManagement.Asset.unpublish",
    "ContentManagement.Entry.archive",
    "ContentManagement.Entry.delete",
    "ContentManagement.Entry.publish",
    "ContentManagement.Entry.unarchive",
    "ContentManagement.Entry.unpublish",
];

const FAMILIES: [&str; 2] = ["ContentManagement.Entry.", "ContentManagement.Asset."];

#[derive(Deserialize)]
struct Record {
    sys: Value,
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    // Only this header has the kind of event (<https://www.contentful.com/developers/docs/webhooks/overview/>).
    let topic = headers.get("x-contentful-topic").and_then(|topic| topic.to_str().ok());
    // The kind first: events of other kinds have other shapes.
    if topic.is_some_and(|topic| !FAMILIES.iter().any(|family| topic.starts_with(family))) {
        return Ok(Vec::new());
    }
    let Record { sys } = parse(body)?;
    let text = |name| sys.get(name).and_then(Value::as_str);
    let (removed, not_before) = match text("type").ok_or(UnreadableBody)? {
        "Entry" | "Asset" => (false, rfc3339(text("updatedAt"))),
        "DeletedEntry" | "DeletedAsset" => (true, None),
        _ => return Ok(Vec::new()),
    };
    let kind = topic.map_or(OTHER_KIND, |topic| known_kind(KINDS, topic));
    let id = text("id").filter(|id| is_resource_id(id)).ok_or(UnreadableBody)?;
    Ok(vec![WebhookRecord::changed(id.to_owned(), kind).removed_if(removed).not_before(not_before)])
}

#[cfg(test)]
mod tests {
    use provider_webhook::vectors::{Case, check, hex_digest};
    use time::macros::datetime;

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/fixtures/contentful-signatures.json");

    #[test]
    fn the_signature_of_contentful_s_own_library_is_accepted_and_altered_ones_are_refused() {
        let wrong = Err(VerifyError::Signature);
        check(
            SIGNATURES,
            "contentful",
            &WEBHOOK,
            30,
            &[
                Case::header("another topic", "x-contentful-topic", wrong, |it| {
                    it.replace("publish", "delete")
                }),
                Case::header("time not signed", SIGNED_HEADERS, wrong, |it| {
                    it.replace(",x-contentful-timestamp", "")
                }),
                Case::header("another list", SIGNED_HEADERS, wrong, |it| format!("{it},host")),
                Case::path("another path", wrong, "/in/contentful2"),
            ],
        );
    }

    /// The verdict on a request with an authentic signature of the listed headers.
    fn verdict(list: &str) -> Result<(), VerifyError> {
        let secrets = Secrets::read_list("0123456789abcdef", Keys::Text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, "0".parse().unwrap());
        headers.insert(SIGNED_HEADERS, list.parse().unwrap());
        headers.insert("host", "hooks.example.gov".parse().unwrap());
        let signed: Vec<String> =
            list.split(',').map(|name| format!("{name}:{}", headers[name].to_str().unwrap())).collect();
        let digest = hex_digest("0123456789abcdef", &format!("POST\n/\n{}\n", signed.join(";")));
        headers.insert("x-contentful-signature", digest.parse().unwrap());
        let request = SignedRequest { method: "POST", url: "", path: "/", headers: &headers, body: b"" };
        WEBHOOK.verify(&request, &secrets, OffsetDateTime::UNIX_EPOCH)
    }

    /// Only the holder of the secret can make such a signature, but everyone who has seen it could send it again without limit.
    #[test]
    fn a_signature_that_leaves_out_the_time_is_refused() {
        assert_eq!(verdict(&format!("{SIGNED_HEADERS},{TIMESTAMP}")), Ok(()));
        for signed in [SIGNED_HEADERS, TIMESTAMP, "host"] {
            assert_eq!(verdict(signed), Err(VerifyError::Signature), "{signed}");
            assert_eq!(verdict(&format!("{signed},host")), Err(VerifyError::Signature), "{signed} and host");
        }
    }

    #[test]
    fn a_signature_of_more_than_fifty_headers_is_refused() {
        for (count, expected) in
            [(50, Ok(())), (51, Err(VerifyError::Signature)), (52, Err(VerifyError::Signature))]
        {
            let list = [&[SIGNED_HEADERS][..], &vec![TIMESTAMP; count - 1]].concat().join(",");
            assert_eq!(verdict(&list), expected, "{count} headers");
        }
    }

    #[test]
    fn a_webhook_names_its_entry_and_none_of_its_fields() {
        let topic = "ContentManagement.Entry.publish";
        let mut headers = HeaderMap::new();
        headers.insert("x-contentful-topic", topic.parse().unwrap());
        let body =
            br#"{"sys":{"type":"Entry","id":"6l","updatedAt":"2026-11-23T05:58:12Z"},"fields":{"t":"x"}}"#;
        let expected = WebhookRecord::changed("6l".to_owned(), topic)
            .not_before(Some(datetime!(2026-11-23 05:58:12 UTC)));
        assert_eq!(read(&headers, body), Ok(vec![expected]));
        let gone = read(&HeaderMap::new(), br#"{"sys":{"type":"DeletedEntry","id":"6l"}}"#).unwrap();
        let expected = WebhookRecord::changed("6l".to_owned(), OTHER_KIND).removed_if(true);
        assert_eq!(gone, [expected]);
        assert_eq!(read(&headers, br#"{"sys":{"type":"ContentType","id":"x"}}"#), Ok(Vec::new()));
        assert_eq!(read(&headers, br#"{"sys":{"type":"Entry","id":7}}"#), Err(UnreadableBody));
        assert_eq!(read(&headers, br#"{"sys":{"type":"Entry","id":"6l*"}}"#), Err(UnreadableBody));
        let odd_time = read(&headers, br#"{"sys":{"type":"Entry","id":"6l","updatedAt":7}}"#).unwrap();
        assert_eq!(odd_time, [WebhookRecord::changed("6l".to_owned(), topic)]);
        assert_eq!(read(&headers, br#"{"sys":{"type":"DeletedEntry"}}"#), Err(UnreadableBody));
        assert_eq!(read(&headers, b"{}"), Err(UnreadableBody));
    }

    #[test]
    fn an_event_of_another_kind_is_not_ours_whatever_its_shape() {
        let mut headers = HeaderMap::new();
        headers.insert("x-contentful-topic", "ContentManagement.BulkAction.execute".parse().unwrap());
        for body in ["{}", "[]", r#"{"sys":null}"#, r#"{"sys":{"type":7}}"#] {
            assert_eq!(read(&headers, body.as_bytes()), Ok(Vec::new()), "{body}");
            assert_eq!(read(&HeaderMap::new(), body.as_bytes()), Err(UnreadableBody), "{body}");
        }
    }
}
