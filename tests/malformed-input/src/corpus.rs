//! Well-formed inputs, read from the files of other crates.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::replies::{ENTRA_USER, QUESTIONS};
use crate::signature::SECRET_IN_BODY;

const SAMPLES: &str = "deploy/cloudformation/sample-events";

/// A folder for each vendor.
const FIXTURES: &str = "crates/connectors/tests/fixtures";

/// Signatures that vendors' own libraries made.
const SIGNATURES: [&str; 5] = [
    "crates/provider-webhook/tests/fixtures/standard-webhooks-signatures.json",
    "crates/connectors/tests/fixtures/stripe/signatures.json",
    "crates/connectors/tests/fixtures/persona/signatures.json",
    "crates/connectors/tests/fixtures/hubspot/signatures.json",
    "crates/provider-content/tests/fixtures/contentful-signatures.json",
];

pub(crate) const SCIM_USER: &str = "crates/connectors/tests/fixtures/scim/user.json";

/// Salesforce's answers to a write, and to a wrong one.
const WRITTEN: &str = r#"[{"id":"0037Q00000HbKmTQAV","success":true,"errors":[],"created":false}]"#;
const REFUSED: &str =
    r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'pii-marker'","fields":["Email"]}]"#;

/// HubSpot's answer to a write of a value that it does not accept.
const REFUSED_BY_HUBSPOT: &str = r#"{"results":[],"errors":[{"category":"VALIDATION_ERROR","errors":[
    {"code":"INVALID_EMAIL","context":{"propertyName":["email"]}}]}]}"#;

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What is in a folder, sorted.
fn within(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn text(path: &str) -> String {
    let path = workspace(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn fixture(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// Every recorded event. If a fixture has more, its `event`.
fn recorded() -> Vec<Value> {
    let mut events = Vec::new();
    let mut folders = within(&workspace(FIXTURES));
    folders.push(workspace(SAMPLES));
    for folder in folders {
        for path in within(&folder) {
            let value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let event = value.get("event").cloned().unwrap_or(value);
            if event.get("detail-type").is_some() {
                events.push(event);
            }
        }
    }
    assert!(events.len() > 60, "only {} events are recorded", events.len());
    events
}

/// Message bodies, and then the same with an empty ID, which was once a finding.
pub(crate) fn events() -> Vec<Vec<u8>> {
    let recorded = recorded();
    let mut emptied = recorded.clone();
    emptied.retain_mut(|event| event["detail"].get_mut("ids").map(|ids| *ids = json!([""])).is_some());
    recorded.iter().chain(&emptied).map(|event| event.to_string().into_bytes()).collect()
}

/// The details of recorded events whose source begins so.
fn details(source: &str) -> Vec<Value> {
    let from = |event: &Value| event["source"].as_str().is_some_and(|known| known.starts_with(source));
    recorded().into_iter().filter(from).map(|mut event| event["detail"].take()).collect()
}

/// Bodies of Stripe's webhooks, which are the details of its events.
pub(crate) fn stripe_bodies() -> Vec<Vec<u8>> {
    details("aws.partner/stripe.com/").iter().map(|detail| detail.to_string().into_bytes()).collect()
}

/// Requests with the body of every provider, as [`crate::webhook_any`] reads them.
pub(crate) fn webhooks() -> Vec<Vec<u8>> {
    let mut bodies = vec![
        ("scim", fixture(SCIM_USER)),
        ("scim", json!({"type": "user.deleted", "data": {"ids": ["2819", 7]}})),
        ("standard-webhooks", json!({"type": "person.verified", "data": {"id": "P-1", "name": "x"}})),
        ("rest", json!({"type": "person.deleted", "data": {"ids": ["B-7", 8]}})),
        (
            "hubspot",
            json!([{"subscriptionType": "contact.merge", "objectId": 7, "primaryObjectId": 7,
                "mergedObjectIds": [8], "newObjectId": "9"}]),
        ),
        (
            "contentful",
            json!({"sys": {"type": "Entry", "id": "6l", "updatedAt": "2026-11-23T05:58:12Z"}, "fields": {"t": "x"}}),
        ),
        ("persona", inquiry()),
        ("entra", notifications()),
    ];
    bodies.extend(details("aws.partner/stripe.com/").into_iter().map(|detail| ("stripe", detail)));
    let okta = details("aws.partner/okta.com/").into_iter();
    bodies.extend(okta.map(|detail| ("okta", json!({"data": {"events": [detail]}}))));
    let streams = details("aws.partner/auth0.com/").into_iter().filter(|detail| detail["type"].is_string());
    bodies.extend(streams.map(|detail| ("auth0", detail)));
    let signed = bodies.iter().map(|(provider, body)| format!("{provider} signed\n\n{body}").into_bytes());
    signed.chain(forgeries().into_iter().map(String::into_bytes)).collect()
}

/// Notifications of Entra: a change, a permanent deletion, and a lifecycle event.
fn notifications() -> Value {
    let own = json!({"subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07", "clientState": SECRET_IN_BODY,
        "tenantId": "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"});
    let with = |more: Value| {
        let mut one = own.clone();
        one.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        one
    };
    let user = ENTRA_USER;
    json!({"value": [
        with(json!({"changeType": "updated", "resource": format!("Users/{user}"), "resourceData": {"id": user}})),
        with(json!({"changeType": "deleted", "resource": "Users/51c2e8aa-0f0e-4a52-8c1d-1b2f3a4c5d6e"})),
        with(json!({"lifecycleEvent": "missed"})),
    ]})
}

/// A webhook of Persona's about the recorded inquiry.
fn inquiry() -> Value {
    let inquiry = fixture("crates/connectors/tests/fixtures/persona/inquiry.json");
    json!({"data": {"attributes": {"name": "inquiry.approved", "payload": inquiry}}})
}

/// Requests whose headers have the form of a signature, and times that are no times.
fn forgeries() -> Vec<String> {
    let vectors = SIGNATURES.map(fixture);
    let vectors = vectors.iter().flat_map(|vectors| vectors.as_array().unwrap());
    let mut all = vec![
        "stripe signed 9223372036854775807\n\n{}".to_owned(),
        "hubspot signed -9223372036854775808\n\n[]".to_owned(),
        "contentful signed 1e3\nx-contentful-topic: ContentManagement.Entry.publish\n\n{}".to_owned(),
        "okta forged\nauthorization: Bearer 0123456789abcdef\n\n{}".to_owned(),
    ];
    for vector in vectors {
        let scheme = vector["scheme"].as_str().unwrap();
        let provider = scheme.trim_end_matches("-v3").trim_end_matches("-rotating");
        let headers = vector["headers"].as_object().unwrap().iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {}\n", value.as_str().unwrap_or_default()))
            .collect();
        all.push(format!("{provider} forged\n{headers}\n{}", vector["body"].as_str().unwrap_or_default()));
    }
    all
}

/// The default policy, and one with every feature.
pub(crate) fn policies() -> Vec<Vec<u8>> {
    let default = text("crates/authority/src/default-policy.toml");
    let more = "from = [\"newest of salesforce, sso\"]\nnever = [\"okta\", \"identity\"]";
    let full = default.replacen("from = [\"sso\", \"crm\"]", more, 1);
    let full = full.replace("trusted_email_from = []", "trusted_email_from = [\"salesforce\"]");
    let full = format!(
        "{full}\n[push.salesforce]\nfields = [\"email\", \"display_name\"]\nmap.display_name = \"Title\"\n"
    );
    vec![default.into_bytes(), full.into_bytes()]
}

/// Bodies of providers' replies, as [`crate::reply_body`] reads them.
pub(crate) fn replies() -> Vec<Vec<u8>> {
    let first = |source: &str, kind: &str| {
        let mut all = details(source).into_iter();
        all.find(|detail| detail.to_string().contains(kind)).unwrap()
    };
    let entry = first("aws.partner/auth0.com/", r#""client_id""#)["data"].take();
    let sign_on = first("aws.partner/okta.com/", "AppInstance");
    let contact = json!([{"Id": "0037Q00000HbKmTQAV", "Person_Key__c": "P-1", "LastName": "Ostrander",
        "MailingCity": "Port Ellery", "Birthdate": "1988-04-09", "SystemModstamp": "2026-11-20T15:10:42.000+0000"}]);
    let in_hubspot = json!({"results": [{"id": "7001", "updatedAt": "2026-11-20T15:10:42.120Z", "archived": false,
        "properties": {"lastname": "Ostrander", "city": "Port Ellery", "hs_merged_object_ids": "7002;7003"}}]});
    let mut sync = fixture("crates/provider-content/tests/fixtures/contentful-sync.json");
    // A link to the server of the request, whatever its address.
    sync["nextSyncUrl"] = json!("?sync_token=w5Z");
    let bodies = [
        ('a', text("crates/connectors/tests/fixtures/auth0/user.json")),
        ('A', entry.to_string()),
        ('e', text("crates/connectors/tests/fixtures/entra/user.json")),
        ('o', text("crates/connectors/tests/fixtures/okta/user.json")),
        ('O', json!([sign_on]).to_string()),
        ('l', json!([{"id": "00u1"}, {"id": "00u2", "status": "ACTIVE"}]).to_string()),
        ('c', text(SCIM_USER)),
        ('s', text("crates/connectors/tests/fixtures/stripe/session.json")),
        ('p', text("crates/connectors/tests/fixtures/persona/inquiry.json")),
        ('p', text("crates/connectors/tests/fixtures/persona/inquiry-snake.json")),
        ('f', contact.to_string()),
        ('h', in_hubspot.to_string()),
        ('H', REFUSED_BY_HUBSPOT.to_owned()),
        ('t', sync.to_string()),
        ('T', sync["items"][0].to_string()),
        ('d', text("crates/provider-content/tests/fixtures/directus-items.json")),
        (
            'D',
            json!({"data": [{"id": "6lNoticeQuay", "title": "Quay closure", "status": "draft"}]}).to_string(),
        ),
        ('w', WRITTEN.to_owned()),
        ('r', REFUSED.to_owned()),
    ];
    let chosen = |question| QUESTIONS.iter().position(|known| *known == question).unwrap();
    let bytes = |(question, body): (char, String)| {
        [&[u8::try_from(chosen(question)).unwrap()], body.as_bytes()].concat()
    };
    bodies.into_iter().map(bytes).collect()
}
