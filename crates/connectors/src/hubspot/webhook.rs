//! HubSpot's webhooks (<https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide>), third version: base64 in
//! `X-HubSpot-Signature-v3` over method, URL, body and the timestamp in milliseconds
//! (<https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests>).

use provider_webhook::{
    HeaderMap, Keys, OTHER_KIND, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook,
    WebhookRecord, check_age, from_base64, parse, unix_millis, verify_digests,
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::numeric_id::numeric_id;
use super::record::VALUES;

/// HubSpot's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Signature(verify), read, challenge: None, signs_url: true };

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

const KINDS: &[&str] = &[
    "contact.creation",
    "contact.deletion",
    "contact.merge",
    "contact.privacyDeletion",
    "contact.propertyChange",
    "contact.restore",
];

const DELETIONS: [&str; 2] = ["contact.deletion", "contact.privacyDeletion"];

/// A change of the links between two records. It changes no value of a contact, and has no `objectId`.
const LINKS: &str = "associationChange";

/// The object type of contacts, in generic events:
/// <https://developers.hubspot.com/changelog/public-beta-generic-webhook-subscriptions>.
const CONTACT: &str = "0-1";

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let events: Vec<Value> = parse(body)?;
    let (mut all, mut unreadable) = (Vec::new(), 0_usize);
    for event in &events {
        match named(event) {
            Ok(records) => all.extend(records),
            Err(UnreadableBody) => unreadable += 1,
        }
    }
    // `HubSpot` would send the whole batch again, so one bad event must not cost the others.
    match unreadable {
        0 => Ok(all),
        _ if all.is_empty() => Err(UnreadableBody),
        _ => {
            tracing::warn!(
                events = unreadable,
                of = events.len(),
                "events of a HubSpot webhook are unreadable and skipped"
            );
            Ok(all)
        }
    }
}

fn named(event: &Value) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let Some(change) = change_of_contact(event)? else { return Ok(Vec::new()) };
    let kind = KINDS.iter().copied().find(|kind| kind.strip_prefix("contact.") == Some(change));
    let kind = kind.unwrap_or(OTHER_KIND);
    let removed = DELETIONS.contains(&kind);
    let (account, not_before) = (portal(event)?, bound(kind, event));
    // A merge names all contacts that took part.
    let one = ["objectId", "primaryObjectId", "newObjectId"].into_iter().filter_map(|name| event.get(name));
    let merged = event.get("mergedObjectIds").and_then(Value::as_array).into_iter().flatten();
    let ids = one.chain(merged).filter(|id| !id.is_null());
    let named = |id| {
        let record = WebhookRecord::changed(number(id)?, kind).removed_if(removed);
        Ok(record.not_before(not_before).of_account(account.clone()))
    };
    let all: Vec<WebhookRecord> = ids.map(named).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(UnreadableBody) } else { Ok(all) }
}

/// What happened to a contact. `None`: the event is not about one.
fn change_of_contact(event: &Value) -> Result<Option<&str>, UnreadableBody> {
    // The name of this field differs between pages of the documentation.
    let kind = ["subscriptionType", "eventType"].into_iter().find_map(|name| event.get(name));
    let kind = kind.and_then(Value::as_str).ok_or(UnreadableBody)?;
    let object_type = event.get("objectTypeId").and_then(Value::as_str);
    let generic = kind.strip_prefix("object.").filter(|_| object_type == Some(CONTACT));
    Ok(kind.strip_prefix("contact.").or(generic).filter(|change| *change != LINKS))
}

/// The account that the event is from.
fn portal(event: &Value) -> Result<Option<String>, UnreadableBody> {
    event.get("portalId").filter(|id| !id.is_null()).map(number).transpose()
}

/// A bound of the contact's version, cut to the second and a second before: the event's clock is not that of the record.
///
/// Only a new contact, and a change of a value that we read, have one. When a contact is archived or restored, its version
/// does not move. A property that HubSpot computes may change without a new version.
fn bound(kind: &str, event: &Value) -> Option<OffsetDateTime> {
    let property = event.get("propertyName").and_then(Value::as_str);
    let bounded = match kind {
        "contact.creation" => true,
        "contact.propertyChange" => property.is_some_and(|property| VALUES.contains(&property)),
        _ => false,
    };
    let millis = event.get("occurredAt").and_then(Value::as_i64).filter(|_| bounded)?;
    OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok()?.checked_sub(Duration::SECOND)
}

/// The ID of a contact or an account: digits.
fn number(id: &Value) -> Result<String, UnreadableBody> {
    let text = id.as_u64().map(|id| id.to_string()).or_else(|| id.as_str().map(str::to_owned));
    text.and_then(|text| numeric_id(&text)).ok_or(UnreadableBody)
}

#[cfg(test)]
mod tests {
    use provider_webhook::vectors::{Case, check};

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/fixtures/hubspot/signatures.json");

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
        for ids in [
            "",
            r#","objectId":null"#,
            r#","objectId":[7]"#,
            r#","objectId":7,"mergedObjectIds":[""]"#,
            r#","objectId":"7*""#,
            r#","objectId":-7"#,
        ] {
            let without_id = format!(r#"[{{"subscriptionType":"contact.merge"{ids}}}]"#);
            assert_eq!(read(without_id.as_bytes()), Err(UnreadableBody), "{ids}");
        }
        assert_eq!(read(b"{}"), Err(UnreadableBody));
    }

    #[test]
    fn a_generic_event_is_about_a_contact_if_its_object_type_says_so() {
        let body = |change: &str, object_type: &str| {
            format!(
                r#"[{{"eventId":2,"portalId":3,"subscriptionType":"object.{change}","objectTypeId":{object_type},
                     "objectId":702,"mergedObjectIds":null}}]"#
            )
        };
        let changed = |kind| WebhookRecord::changed("702".to_owned(), kind).of_account(Some("3".to_owned()));
        let deleted = changed("contact.deletion").removed_if(true);
        assert_eq!(read(body("deletion", r#""0-1""#).as_bytes()), Ok(vec![deleted]));
        let changes = [
            ("creation", "contact.creation"),
            ("propertyChange", "contact.propertyChange"),
            ("restore", "contact.restore"),
            ("of_tomorrow", OTHER_KIND),
        ];
        for (change, kind) in changes {
            assert_eq!(read(body(change, r#""0-1""#).as_bytes()), Ok(vec![changed(kind)]), "{change}");
        }
        for other in [r#""0-2""#, r#""0-11""#, r#""2-1""#, "null", "1"] {
            assert_eq!(read(body("deletion", other).as_bytes()), Ok(Vec::new()), "{other}");
        }
    }

    #[test]
    fn a_change_of_links_is_not_about_a_contact_s_values() {
        let body = br#"[
            {"subscriptionType":"contact.associationChange","fromObjectId":7,"toObjectId":8},
            {"subscriptionType":"object.associationChange","objectTypeId":"0-1","fromObjectId":7}]"#;
        assert_eq!(read(body), Ok(Vec::new()));
    }

    #[test]
    fn one_unreadable_event_costs_no_other_of_its_batch() {
        let body = br#"[
            {"subscriptionType":"contact.creation","objectId":7},
            {"subscriptionType":"contact.creation","objectId":{}},
            {"subscriptionType":7,"objectId":8},
            "x"]"#;
        assert_eq!(read(body), Ok(vec![WebhookRecord::changed("7".to_owned(), "contact.creation")]));
        assert_eq!(read(br#"["x"]"#), Err(UnreadableBody));
    }

    #[test]
    fn an_event_has_its_account_and_a_bound_if_it_moves_the_version() {
        let read = |more: &str| {
            let body = format!(
                r#"[{{"objectTypeId":"0-1","objectId":7001,"portalId":9,"occurredAt":1777629600120,{more}}}]"#
            );
            read(body.as_bytes()).unwrap().remove(0)
        };
        let bound = Some(OffsetDateTime::from_unix_timestamp(1_777_629_599).unwrap());
        for (event, kind, removed, not_before) in [
            (r#""subscriptionType":"object.creation""#, "contact.creation", false, bound),
            (r#""eventType":"object.creation""#, "contact.creation", false, bound),
            (
                r#""eventType":"contact.propertyChange","propertyName":"email""#,
                "contact.propertyChange",
                false,
                bound,
            ),
            (
                r#""eventType":"contact.propertyChange","propertyName":"num_notes""#,
                "contact.propertyChange",
                false,
                None,
            ),
            (r#""subscriptionType":"object.deletion""#, "contact.deletion", true, None),
            (r#""eventType":"contact.privacyDeletion""#, "contact.privacyDeletion", true, None),
            (r#""subscriptionType":"object.restore""#, "contact.restore", false, None),
            (r#""subscriptionType":"object.merge""#, "contact.merge", false, None),
        ] {
            let record =
                WebhookRecord::changed("7001".to_owned(), kind).removed_if(removed).not_before(not_before);
            assert_eq!(read(event), record.of_account(Some("9".to_owned())), "{event}");
        }
    }

    #[test]
    fn an_event_of_an_account_that_is_none_is_unreadable() {
        let body = |portal: &str| {
            format!(r#"[{{"subscriptionType":"contact.creation","objectId":7,"portalId":{portal}}}]"#)
        };
        for portal in [r#""mara""#, "-1", "{}", r#""""#, "1.5"] {
            assert_eq!(read(body(portal).as_bytes()), Err(UnreadableBody), "{portal}");
        }
        for (portal, account) in [("null", None), ("62515", Some("62515")), (r#""62515""#, Some("62515"))] {
            assert_eq!(read(body(portal).as_bytes()).unwrap()[0].account.as_deref(), account, "{portal}");
        }
    }
}
