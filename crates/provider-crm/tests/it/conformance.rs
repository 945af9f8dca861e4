//! The promises that the client of every vendor keeps. A new vendor is one line at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use provider_crm::{ContactWrite, CrmClient, CrmProvider, HubSpotClient, ProviderError, SalesforceClient};
use provider_http::Outage;
use provider_http::test_server::{ISSUED_TOKEN, NOWHERE, answering, silent};

use crate::fixtures::{SECRET, config, hubspot_config};

/// Makes a client of the server at this address, with a short time-out.
type Make = fn(&str) -> CrmClient;

/// An ID that every CRM could give to a contact.
const CONTACT: &str = "003000000000001";
const PERSONAL: &str = "mara.ostrander@example.org";

/// The error of each call that needs the network, each on a new client. A success fails the test.
async fn failures(make: Make, url: &str) -> [ProviderError; 3] {
    let write =
        ContactWrite { id: Some(CONTACT.into()), external_key: "P-7".into(), fields: BTreeMap::new() };
    [
        make(url).fetch_contacts(&[CONTACT.to_owned()]).await.unwrap_err(),
        make(url).upsert_contact(&write).await.unwrap_err(),
        make(url).ping().await.unwrap_err(),
    ]
}

async fn a_wrong_base_url_is_an_error_and_no_contact_is_gone(make: Make) {
    for status in [404, 410] {
        let [fetched, written, pinged] = failures(make, &answering(status, &[], "{}").await).await;
        assert_eq!(fetched, ProviderError::WHOLE_REPLY_MALFORMED);
        assert_eq!(written, ProviderError::Refused { code: "NOT_FOUND", names_record: false });
        assert_eq!(pinged, ProviderError::WHOLE_REPLY_MALFORMED);
    }
}

async fn a_full_quota_is_not_a_failure_of_the_contact(make: Make) {
    let limited = |secs| ProviderError::RateLimited { retry_after: Duration::from_secs(secs) };
    let url = answering(429, &[("retry-after", "17")], "{}").await;
    assert_eq!(failures(make, &url).await, [limited(17), limited(17), limited(17)]);
}

async fn outages_are_distinguished(make: Make) {
    let unavailable = |cause| ProviderError::Unavailable { cause, retry_after: None };
    let failing = answering(500, &[], PERSONAL).await;
    let silent = silent().await;
    for (url, cause) in [
        (failing.as_str(), Outage::ServerError),
        (silent.as_str(), Outage::Timeout),
        (NOWHERE, Outage::Connect),
    ] {
        let expected = || unavailable(cause);
        assert_eq!(failures(make, url).await, [expected(), expected(), expected()]);
    }
}

async fn a_reply_that_breaks_the_contract_is_malformed(make: Make) {
    for body in ["<html>mara.ostrander@example.org</html>", "{}", r#"[{"id":["mara"],"Id":["mara"]}]"#, "7"] {
        let client = make(&answering(200, &[], body).await);
        let outcome = client.fetch_contacts(&[CONTACT.to_owned()]).await;
        let refused = matches!(
            outcome,
            Err(ProviderError::Malformed { .. }
                | ProviderError::Unreadable { .. }
                | ProviderError::Unusable { .. })
        );
        assert!(refused, "{body}: {outcome:?}");
    }
}

async fn refused_credentials_are_unauthorized(make: Make) {
    for status in [401, 403] {
        for error in failures(make, &answering(status, &[], "[]").await).await {
            assert_eq!(error, ProviderError::Unauthorized);
        }
    }
}

async fn nothing_secret_or_personal_is_printed(make: Make) {
    let mut texts = vec![format!("{:?}", make(NOWHERE))];
    for status in [302, 400, 401, 403, 429, 500] {
        for error in failures(make, &answering(status, &[], PERSONAL).await).await {
            texts.push(format!("{error} {error:?}"));
        }
    }
    for text in texts {
        for secret in [SECRET, ISSUED_TOKEN, "mara", "coppice-client"] {
            assert!(!text.contains(secret), "{text:?} holds {secret:?}");
        }
    }
}

fn salesforce(url: &str) -> CrmClient {
    assert!(!format!("{:?}", config(url)).contains(SECRET));
    let adjust = |limits: &mut provider_http::ProviderHttpConfig| limits.timeout = Duration::from_millis(300);
    CrmClient::Salesforce(SalesforceClient::new(config(url), adjust).unwrap())
}

fn hubspot(url: &str) -> CrmClient {
    let config = hubspot_config(url, SECRET);
    assert!(!format!("{config:?}").contains(SECRET));
    let adjust = |limits: &mut provider_http::ProviderHttpConfig| limits.timeout = Duration::from_millis(300);
    CrmClient::HubSpot(HubSpotClient::new(config, adjust).unwrap())
}

provider_http::client_conformance!([salesforce, hubspot] {
    a_wrong_base_url_is_an_error_and_no_contact_is_gone,
    a_full_quota_is_not_a_failure_of_the_contact,
    outages_are_distinguished,
    a_reply_that_breaks_the_contract_is_malformed,
    refused_credentials_are_unauthorized,
    nothing_secret_or_personal_is_printed,
});
