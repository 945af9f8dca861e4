//! The promises that the client of every vendor keeps. A new vendor is one line at the end.

use std::time::Duration;

use provider_http::{Absence, Outage};
use provider_identity::{FetchedCase, IdentityProvider, ProviderError};

use crate::clients::{Make, SECRET, persona, stripe};
use provider_http::test_server::{NOWHERE, answering, silent};

const ID: &str = "inq_5a";
const PERSONAL: &str = "mara.quill@example.org";

async fn missing_cases_are_gone(make: Make) {
    for (status, absence) in [(404, Absence::NotFound), (410, Absence::Deleted)] {
        let client = make(&answering(status, &[], "{}").await);
        assert_eq!(client.fetch_case(ID).await, Ok(FetchedCase::Absent(absence)));
        assert_eq!(
            client.ping().await,
            Err(ProviderError::Invalid { status: 404 }),
            "a wrong base URL is noticed"
        );
    }
}

async fn a_ping_needs_a_list(make: Make) {
    assert_eq!(make(&answering(200, &[], r#"{"data":[{"id":7}]}"#).await).ping().await, Ok(()));
    let outcome = make(&answering(200, &[], "<html>").await).ping().await;
    assert!(matches!(outcome, Err(ProviderError::Malformed { .. })), "{outcome:?}");
}

async fn a_full_quota_is_not_a_failure_of_the_case(make: Make) {
    let url = answering(429, &[("retry-after", "17")], "{}").await;
    let limited = Err(ProviderError::RateLimited { retry_after: Duration::from_secs(17) });
    assert_eq!(make(&url).fetch_case(ID).await, limited);
    assert_eq!(make(&url).ping().await.map(|()| FetchedCase::Absent(Absence::NotFound)), limited);
}

async fn refused_credentials_are_unauthorized(make: Make) {
    for status in [401, 403] {
        let client = make(&answering(status, &[], PERSONAL).await);
        assert_eq!(client.fetch_case(ID).await, Err(ProviderError::Unauthorized));
        assert_eq!(client.ping().await, Err(ProviderError::Unauthorized));
    }
}

async fn outages_are_distinguished(make: Make) {
    let unavailable = |cause| ProviderError::Unavailable { cause, retry_after: None };
    let failing = make(&answering(500, &[], PERSONAL).await);
    assert_eq!(failing.fetch_case(ID).await, Err(unavailable(Outage::ServerError)));
    assert_eq!(failing.ping().await, Err(unavailable(Outage::ServerError)));
    let silent = make(&silent().await);
    assert_eq!(silent.fetch_case(ID).await, Err(unavailable(Outage::Timeout)));
    let absent = make(NOWHERE);
    assert_eq!(absent.fetch_case(ID).await, Err(unavailable(Outage::Connect)));
}

async fn a_reply_that_breaks_the_contract_is_malformed(make: Make) {
    let unknown_status = r#"{"id":"a","status":"mara","data":{"id":"a","attributes":{"status":"mara"}}}"#;
    for body in ["<html>mara.quill@example.org</html>", "[]", r#"{"id":["mara"]}"#, "{}", unknown_status] {
        let outcome = make(&answering(200, &[], body).await).fetch_case(ID).await;
        let refused = matches!(
            outcome,
            Err(ProviderError::Malformed { .. }
                | ProviderError::Unreadable { .. }
                | ProviderError::Unusable { .. })
        );
        assert!(refused, "{body}: {outcome:?}");
    }
}

async fn an_id_that_is_not_one_segment_is_not_sent(make: Make) {
    let client = make(&answering(200, &[], "[]").await);
    for id in ["", "..", "."] {
        assert_eq!(client.fetch_case(id).await, Err(ProviderError::Invalid { status: 400 }), "{id:?}");
    }
}

async fn nothing_secret_or_personal_is_printed(make: Make) {
    let mut texts = vec![format!("{:?}", make(NOWHERE))];
    for status in [200, 302, 400, 401, 403, 429, 500] {
        let error = make(&answering(status, &[], PERSONAL).await).fetch_case(ID).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
    }
    for text in texts {
        for secret in [SECRET, "mara"] {
            assert!(!text.contains(secret), "{text:?} holds {secret:?}");
        }
    }
}

provider_http::client_conformance!([stripe, persona] {
    missing_cases_are_gone,
    a_ping_needs_a_list,
    a_full_quota_is_not_a_failure_of_the_case,
    refused_credentials_are_unauthorized,
    outages_are_distinguished,
    a_reply_that_breaks_the_contract_is_malformed,
    an_id_that_is_not_one_segment_is_not_sent,
    nothing_secret_or_personal_is_printed,
});
