//! The promises that the client of every connector keeps. A new connector is one function here, and one line at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use connectors::{
    Auth0Client, ChangesFrom, Connected, EntraAuth, EntraClient, Fetched, HubSpotClient, OktaAuth,
    OktaClient, OktaConfig, Outage, PersonaClient, PersonaConfig, ProviderError, RecordWrite, RestClient,
    SalesforceClient, ScimClient, ScimConfig, StripeClient, StripeConfig,
};
use provider_http::test_server::{ISSUED_TOKEN, NOWHERE, answering, silent};
use provider_http::{TestKey, pem};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::fixtures::{
    MARA, SECRET, auth0_config, connected, entra_config, hubspot_config, record, rest_settings,
    salesforce_config,
};

/// Signs assertions that only tests accept.
static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

const PERSONAL: &str = "mara.quill@example.org";
const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

/// A connector, and what differs by vendor.
struct Maker {
    connector: &'static str,
    /// Makes a client of the server at this address, with a short time-out.
    client: fn(&str) -> Connected,
    /// A record's ID.
    id: &'static str,
    /// A recorded record, and its ID.
    good: (Value, &'static str),
    absence: Absence,
    /// The answer to an ID of which a path cannot be made, if the server has an empty list for each request.
    odd_ids: fn(&str) -> Result<Fetched, ProviderError>,
    /// A reply to a ping, and whether anything that is JSON is one.
    list: &'static str,
    any_json_is_a_list: bool,
    /// A page with fewer records than it says there are, if the vendor says how many there are.
    short_page: Option<&'static str>,
    /// Whether an answer is compared with the request beyond its form.
    compares: bool,
}

/// How a source says that a record is not there.
enum Absence {
    /// By the status of the request for the record: 404, or 410 if it was deleted.
    Status,
    /// By a list without it. A status says that the base URL is wrong.
    List,
}

type Make = fn() -> Maker;

fn auth0() -> Maker {
    Maker {
        connector: "auth0",
        client: |url| connected::<Auth0Client>(auth0_config(url)),
        id: "auth0|5a",
        good: (record("auth0/user"), "auth0|6720c4d1a9b8e7f605142233"),
        absence: Absence::Status,
        // A text without `|` is searched, and sent in a query.
        odd_ids: |id| if id.is_empty() { Err(INVALID) } else { Ok(Fetched::NotVisible) },
        list: r#"[{"user_id":"auth0|1"}]"#,
        any_json_is_a_list: false,
        short_page: Some(r#"{"start":0,"limit":100,"total":5,"users":[]}"#),
        compares: false,
    }
}

fn entra() -> Maker {
    Maker {
        connector: "entra",
        client: |url| connected::<EntraClient>(entra_config(url, EntraAuth::Secret(SECRET.into()))),
        id: "5a0c9d7e-1f2b-4c3d-8e4f-5a6b7c8d9e0f",
        good: (record("entra/user"), "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8"),
        absence: Absence::Status,
        odd_ids: |_| Err(INVALID),
        list: r#"{"value":[{"id":"5a0c9d7e-1f2b-4c3d-8e4f-5a6b7c8d9e0f"}]}"#,
        any_json_is_a_list: false,
        short_page: None,
        compares: false,
    }
}

fn entra_certificate() -> Maker {
    let certificate = |url: &str| {
        let private_key = KEY.private_pem.as_str().into();
        let auth = EntraAuth::Certificate { private_key, certificate: pem("CERTIFICATE", b"certificate") };
        connected::<EntraClient>(entra_config(url, auth))
    };
    Maker { client: certificate, ..entra() }
}

fn okta() -> Maker {
    Maker {
        connector: "okta",
        client: |url| okta_with(url, OktaAuth::ApiToken(SECRET.into())),
        id: "00u5a",
        good: (record("okta/user"), "00uBaysideTove00h7"),
        absence: Absence::Status,
        odd_ids: |_| Err(INVALID),
        list: r#"[{"id":"00u1"}]"#,
        any_json_is_a_list: false,
        short_page: None,
        compares: false,
    }
}

fn okta_service_app() -> Maker {
    let private_key = |url: &str| {
        let private_key = KEY.private_pem.as_str().into();
        okta_with(url, OktaAuth::PrivateKey { client_id: "coppice-client".into(), private_key })
    };
    Maker { client: private_key, ..okta() }
}

fn okta_with(url: &str, auth: OktaAuth) -> Connected {
    connected::<OktaClient>(OktaConfig { url: url.parse().unwrap(), auth })
}

fn scim() -> Maker {
    Maker {
        connector: "scim",
        client: |url| connected::<ScimClient>(ScimConfig { url: url.parse().unwrap(), token: SECRET.into() }),
        id: "5a",
        good: (record("scim/user"), "7c1d0e6a52f84b5c9a3e11d0b4f6a820"),
        absence: Absence::Status,
        odd_ids: |_| Err(INVALID),
        list: r#"{"totalResults":1,"Resources":[{"id":"1"}]}"#,
        any_json_is_a_list: false,
        short_page: Some(r#"{"totalResults":7,"Resources":[]}"#),
        compares: false,
    }
}

fn salesforce() -> Maker {
    let contact = format!(r#"[{{"Id":"{MARA}","LastName":"Ostrander"}}]"#);
    Maker {
        connector: "salesforce",
        client: |url| connected::<SalesforceClient>(salesforce_config(url)),
        id: MARA,
        good: (serde_json::from_str(&contact).unwrap(), MARA),
        absence: Absence::List,
        // A text that is no contact's ID is not sent.
        odd_ids: |_| Ok(Fetched::NotVisible),
        list: r#"{"totalSize":0,"done":true,"records":[]}"#,
        any_json_is_a_list: true,
        short_page: Some(r#"{"totalSize":3,"done":true,"records":[]}"#),
        compares: true,
    }
}

fn hubspot() -> Maker {
    let contact = json!({"id": "7001", "archived": false, "properties": {"lastname": "Ostrander"}});
    Maker {
        connector: "hubspot",
        client: |url| connected::<HubSpotClient>(hubspot_config(url, SECRET)),
        id: "7001",
        good: (json!({ "results": [contact] }), "7001"),
        absence: Absence::List,
        // A text that is no contact's ID is not sent.
        odd_ids: |_| Ok(Fetched::NotVisible),
        list: r#"{"results":[{"id":"7001"}]}"#,
        any_json_is_a_list: false,
        short_page: None,
        compares: true,
    }
}

fn rest() -> Maker {
    let person = json!({"id": "5a", "name": {"first": "Tove"}, "updatedAt": "2026-11-30T08:00:00Z"});
    Maker {
        connector: "rest",
        client: |url| connected::<RestClient>(serde_json::from_value(rest_settings(url)).unwrap()),
        id: "5a",
        good: (person, "5a"),
        absence: Absence::Status,
        odd_ids: |_| Err(INVALID),
        list: r#"{"data":[{"id":"1"}]}"#,
        any_json_is_a_list: false,
        short_page: Some(r#"{"data":[],"meta":{"total":7}}"#),
        compares: true,
    }
}

fn stripe() -> Maker {
    Maker {
        connector: "stripe",
        client: |url| {
            let (url, api_key) = (url.parse().unwrap(), SECRET.into());
            connected::<StripeClient>(StripeConfig { url, api_key, account: None, date_of_birth: false })
        },
        id: "vs_5a",
        good: (record("stripe/session"), "vs_1QmHarbor0001AbCd"),
        absence: Absence::Status,
        odd_ids: |_| Err(INVALID),
        list: r#"{"data":[{"id":7}]}"#,
        any_json_is_a_list: false,
        short_page: None,
        compares: true,
    }
}

fn persona() -> Maker {
    Maker {
        connector: "persona",
        client: |url| {
            connected::<PersonaClient>(PersonaConfig { url: url.parse().unwrap(), api_key: SECRET.into() })
        },
        id: "inq_5a",
        good: (record("persona/inquiry"), "inq_zHarbor84ShbUyuwX6AzPSq"),
        ..stripe()
    }
}

/// The error of each call that needs the network, each on a new client. A success fails the test.
async fn failures(maker: &Maker, url: &str) -> Vec<ProviderError> {
    let client = || (maker.client)(url);
    let mut failures =
        vec![client().fetch(maker.id, None).await.unwrap_err(), client().ping().await.unwrap_err()];
    let calls = client();
    if let Some(batches) = calls.batches() {
        failures.push(batches.fetch_many(&[maker.id.to_owned()]).await.unwrap_err());
    }
    if client().push().is_some() {
        let write =
            RecordWrite { id: Some(maker.id.into()), external_key: "P-7".into(), values: BTreeMap::new() };
        failures.push(client().push().unwrap().upsert(&write).await.unwrap_err());
    }
    if client().listing().is_some() {
        failures.push(client().listing().unwrap().list(None).await.unwrap_err());
        let since = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);
        failures.push(client().listing().unwrap().changes(since).await.unwrap_err());
    }
    if client().sign_ins().is_some() {
        failures.push(client().sign_ins().unwrap().fetch_sign_in("5a").await.unwrap_err());
    }
    failures
}

async fn a_record_is_read_leniently(make: Make) {
    let Maker { client, good: (body, id), connector, .. } = make();
    let plain = client(&answering(200, &[], &body).await).fetch(id, None).await.unwrap();
    assert!(matches!(&plain, Fetched::Found(record) if record.id == id), "{plain:?}");
    // A byte order mark, names in capitals, and a value that we do not know.
    let text = body.to_string();
    let more = text.replacen('{', r#"{"xOfTomorrow":{"id":"other"},"#, 1);
    let capitals = capitals(&body).to_string();
    // A described path has its names as they are: <https://www.rfc-editor.org/rfc/rfc9535#section-2.3.1>.
    let capitals = if connector == "rest" { text.clone() } else { capitals };
    for form in [format!("\u{feff}{text}"), more, capitals] {
        let read = client(&answering(200, &[], &form).await).fetch(id, None).await;
        assert_eq!(read.as_ref(), Ok(&plain), "{form}");
    }
}

/// The value with each name in capitals, those of schemas and extensions aside.
fn capitals(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let upper = |name: &String| if name.contains(':') { name.clone() } else { name.to_uppercase() };
            Value::Object(fields.iter().map(|(name, value)| (upper(name), capitals(value))).collect())
        }
        Value::Array(items) => items.iter().map(capitals).collect(),
        other => other.clone(),
    }
}

async fn what_is_not_there_is_an_answer_and_a_wrong_base_url_is_an_error(make: Make) {
    let maker = make();
    let gone = |merged_into| Fetched::Gone { merged_into };
    for (status, of_record) in [(404, Fetched::NotFound), (410, gone(None))] {
        let url = answering(status, &[], "{}").await;
        let client = (maker.client)(&url);
        let (fetched, wrong) = match maker.absence {
            Absence::Status => (Ok(of_record), ProviderError::Invalid { status: 404 }),
            Absence::List => {
                (Err(ProviderError::WHOLE_REPLY_MALFORMED), ProviderError::WHOLE_REPLY_MALFORMED)
            }
        };
        assert_eq!(client.fetch(maker.id, None).await, fetched, "{status}");
        assert_eq!(client.ping().await, Err(wrong.clone()), "a wrong base URL is noticed: {status}");
        if let Some(batches) = client.batches() {
            assert_eq!(batches.fetch_many(&[maker.id.to_owned()]).await, Err(wrong.clone()), "{status}");
        }
        if let Some(push) = client.push() {
            let id = Some(maker.id.into());
            let write = RecordWrite { id, external_key: "P-7".into(), values: BTreeMap::new() };
            let refused = ProviderError::Refused { code: "NOT_FOUND", names_record: false };
            assert_eq!(push.upsert(&write).await, Err(refused), "no contact is gone: {status}");
        }
        if let Some(listing) = client.listing() {
            let since = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);
            assert!(listing.list(None).await.is_err(), "{status}: it is no empty list");
            assert!(listing.changes(since).await.is_err(), "{status}: it is no empty feed");
        }
    }
}

async fn only_an_answer_about_the_record_proves_that_it_was_deleted(make: Make) {
    let Maker { client, id, .. } = make();
    for status in [200, 204, 302, 304, 400, 404, 503] {
        for body in ["", "{}", "[]", "[null]", r#"{"records":[]}"#] {
            let fetched = client(&answering(status, &[], body).await).fetch(id, None).await;
            let proven = matches!(fetched, Ok(Fetched::Gone { .. } | Fetched::Found(_)));
            assert!(!proven, "{status} {body}: {fetched:?}");
            let absent = matches!(fetched, Ok(Fetched::NotFound | Fetched::NotVisible));
            assert!(!absent || status == 404, "{status} {body}: {fetched:?}");
        }
    }
}

async fn a_ping_needs_a_list(make: Make) {
    let Maker { client, list, any_json_is_a_list, .. } = make();
    assert_eq!(client(&answering(200, &[], list).await).ping().await, Ok(()));
    let outcome = client(&answering(200, &[], "<html>").await).ping().await;
    assert!(matches!(outcome, Err(ProviderError::Malformed { .. })), "{outcome:?}");
    for body in ["7", "null", r#"{"id":"x"}"#] {
        let outcome = client(&answering(200, &[], body).await).ping().await;
        assert_eq!(outcome.is_ok(), any_json_is_a_list, "{body}: {outcome:?}");
    }
}

async fn a_full_quota_is_not_a_failure_of_the_record(make: Make) {
    let url = answering(429, &[("retry-after", "17")], "{}").await;
    for error in failures(&make(), &url).await {
        assert_eq!(error, ProviderError::RateLimited { retry_after: Duration::from_secs(17) });
    }
}

async fn refused_credentials_are_unauthorized(make: Make) {
    for status in [401, 403] {
        for body in ["[]", PERSONAL] {
            for error in failures(&make(), &answering(status, &[], body).await).await {
                assert_eq!(error, ProviderError::Unauthorized, "{status}");
            }
        }
    }
}

async fn outages_are_distinguished(make: Make) {
    let (failing, silent) = (answering(500, &[], PERSONAL).await, silent().await);
    for (url, cause) in [
        (failing.as_str(), Outage::ServerError),
        (silent.as_str(), Outage::Timeout),
        (NOWHERE, Outage::Connect),
    ] {
        for error in failures(&make(), url).await {
            assert_eq!(error, ProviderError::Unavailable { cause, retry_after: None });
        }
    }
}

async fn a_reply_that_breaks_the_contract_is_malformed(make: Make) {
    let Maker { client, id, compares, .. } = make();
    for body in [
        "<html>mara.quill@example.org</html>",
        "[]",
        "{}",
        "7",
        r#"{"id":["mara"],"user_id":["mara"]}"#,
        r#"{"id":["mara"]}"#,
        r#"[{"id":["mara"],"Id":["mara"]}]"#,
        r#"{"id":"a","status":"mara","data":{"id":"a","attributes":{"status":"mara"}}}"#,
    ] {
        let outcome = client(&answering(200, &[], body).await).fetch(id, None).await;
        let refused = match outcome {
            Err(ProviderError::Malformed { .. } | ProviderError::Unreadable { .. }) => true,
            Err(ProviderError::Unusable { .. }) => compares,
            _ => false,
        };
        assert!(refused, "{body}: {outcome:?}");
    }
}

async fn an_id_that_is_not_one_segment_is_not_sent(make: Make) {
    let Maker { client, odd_ids, .. } = make();
    let client = client(&answering(200, &[], "[]").await);
    for id in ["", "..", "."] {
        assert_eq!(client.fetch(id, None).await, odd_ids(id), "{id:?}");
    }
}

async fn nothing_secret_or_personal_is_printed(make: Make) {
    let maker = make();
    let mut texts = Vec::new();
    for status in [302, 400, 401, 403, 429, 500] {
        for error in failures(&maker, &answering(status, &[], PERSONAL).await).await {
            texts.push(format!("{error} {error:?}"));
        }
    }
    let malformed = (maker.client)(&answering(200, &[], PERSONAL).await).fetch(maker.id, None).await;
    texts.push(format!("{0} {0:?}", malformed.unwrap_err()));
    let good = answering(200, &[], &maker.good.0).await;
    texts.push(format!("{:?}", (maker.client)(&good).fetch(maker.good.1, None).await.unwrap()));
    for text in texts {
        for secret in [SECRET, ISSUED_TOKEN, "mara", "coppice-client", "example.org"] {
            assert!(!text.contains(secret), "{text:?} holds {secret:?}");
        }
    }
}

/// Those without a listing are read by ID alone.
async fn a_listing_ends_only_where_the_source_says_so(make: Make) {
    let Maker { client, short_page, connector, .. } = make();
    let since = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);
    for body in ["<html>mara.quill@example.org</html>", "7", r#"{"mara":1}"#] {
        let client = client(&answering(200, &[], body).await);
        let Some(listing) = client.listing() else {
            assert!(["stripe", "persona"].contains(&connector), "{connector} can list");
            return;
        };
        let page = listing.list(None).await;
        assert!(page.is_err(), "{body}: {page:?}");
        // The feed of Auth0 is a stream of frames, in which text without a frame says nothing.
        if connector != "auth0" {
            let changed = listing.changes(since).await;
            assert!(changed.is_err(), "{body}: {changed:?}");
        }
    }
    if let Some(page) = short_page {
        let client = client(&answering(200, &[], page).await);
        let listed = client.listing().unwrap().list(None).await.unwrap();
        assert!(listed.doubt.is_some(), "fewer records than it says: {listed:?}");
    }
    // A cursor of another list must not begin this one again.
    let foreign = client(&answering(400, &[], "{}").await);
    let listed = foreign.listing().unwrap().list(Some("no cursor of ours")).await;
    assert!(listed.is_err(), "{listed:?}");
    let changed = foreign.listing().unwrap().changes(ChangesFrom::Cursor("")).await;
    assert!(changed.is_err(), "{changed:?}");
}

/// A capability that is lost is a unit that stands still.
async fn each_connector_offers_what_its_role_needs(make: Make) {
    let Maker { client, connector, .. } = make();
    let client = client(NOWHERE);
    let offered = [
        client.batches().is_some(),
        client.listing().is_some(),
        client.sign_ins().is_some(),
        client.push().is_some(),
    ];
    let expected = match connector {
        "auth0" | "okta" => [false, true, true, false],
        "scim" | "entra" => [false, true, false, false],
        "rest" => [true, true, false, false],
        "salesforce" | "hubspot" => [true, true, false, true],
        _ => [false; 4],
    };
    assert_eq!(offered, expected);
}

macro_rules! makers {
    ($($maker:ident)+) => {
        const MAKERS: &[Make] = &[$($maker),+];

        provider_http::client_conformance!([$($maker),+] {
            a_record_is_read_leniently,
            what_is_not_there_is_an_answer_and_a_wrong_base_url_is_an_error,
            only_an_answer_about_the_record_proves_that_it_was_deleted,
            a_ping_needs_a_list,
            a_full_quota_is_not_a_failure_of_the_record,
            refused_credentials_are_unauthorized,
            outages_are_distinguished,
            a_reply_that_breaks_the_contract_is_malformed,
            an_id_that_is_not_one_segment_is_not_sent,
            nothing_secret_or_personal_is_printed,
            a_listing_ends_only_where_the_source_says_so,
            each_connector_offers_what_its_role_needs,
        });
    };
}

makers!(auth0 entra entra_certificate okta okta_service_app rest scim salesforce hubspot stripe persona);

#[test]
fn every_connector_has_a_maker_in_this_suite() {
    // Its client speaks no HTTP: `handed_over.rs` has the other promises.
    let without_http = ["handed-over"];
    let made: BTreeSet<&str> = MAKERS.iter().map(|make| make().connector).chain(without_http).collect();
    let listed: BTreeSet<&str> = connectors::CONNECTORS.iter().map(|connector| connector.name).collect();
    assert_eq!(made, listed);
}
