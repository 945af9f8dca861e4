//! The promises that the client of every vendor keeps. A new vendor is one line at the end.

use std::time::Duration;

use provider_http::test_server::{ISSUED_TOKEN, NOWHERE, answering, silent};
use provider_http::{Absence, Outage};
use provider_sso::{FetchedUser, ProviderError, SsoClient, SsoProvider};

use crate::clients::{auth0, entra, entra_certificate, okta, okta_service_app, scim};
use crate::fixtures::SECRET;

/// Makes a client of the server at this address, with a short time-out.
type Make = fn(&str) -> SsoClient;

/// An ID in the form of the client's vendor.
fn id(client: &SsoClient) -> &'static str {
    match client.source() {
        "entra" => "5a0c9d7e-1f2b-4c3d-8e4f-5a6b7c8d9e0f",
        _ => "auth0|5a",
    }
}
const PERSONAL: &str = "mara.quill@example.org";

async fn missing_users_are_gone(make: Make) {
    for (status, absence) in [(404, Absence::NotFound), (410, Absence::Deleted)] {
        let client = make(&answering(status, &[], "{}").await);
        assert_eq!(client.fetch_user(id(&client), None).await, Ok(FetchedUser::Absent(absence)));
        assert_eq!(
            client.ping().await,
            Err(ProviderError::Invalid { status: 404 }),
            "a wrong base URL is noticed"
        );
    }
}

async fn a_full_quota_is_not_a_failure_of_the_user(make: Make) {
    let url = answering(429, &[("retry-after", "17")], "{}").await;
    let limited = Err(ProviderError::RateLimited { retry_after: Duration::from_secs(17) });
    let client = make(&url);
    assert_eq!(client.fetch_user(id(&client), None).await, limited);
    assert_eq!(make(&url).ping().await.map(|()| FetchedUser::Absent(Absence::NotFound)), limited);
}

async fn outages_are_distinguished(make: Make) {
    let unavailable = |cause| ProviderError::Unavailable { cause, retry_after: None };
    let failing = make(&answering(500, &[], PERSONAL).await);
    assert_eq!(failing.fetch_user(id(&failing), None).await, Err(unavailable(Outage::ServerError)));
    assert_eq!(failing.ping().await, Err(unavailable(Outage::ServerError)));
    let silent = make(&silent().await);
    assert_eq!(silent.fetch_user(id(&silent), None).await, Err(unavailable(Outage::Timeout)));
    let absent = make(NOWHERE);
    assert_eq!(absent.fetch_user(id(&absent), None).await, Err(unavailable(Outage::Connect)));
}

async fn a_reply_that_breaks_the_contract_is_malformed(make: Make) {
    for body in ["<html>mara.quill@example.org</html>", "[]", r#"{"id":["mara"],"user_id":["mara"]}"#, "{}"] {
        let client = make(&answering(200, &[], body).await);
        let outcome = client.fetch_user(id(&client), None).await;
        let refused =
            matches!(outcome, Err(ProviderError::Malformed { .. } | ProviderError::Unreadable { .. }));
        assert!(refused, "{body}: {outcome:?}");
    }
}

async fn an_id_that_is_not_one_segment_is_not_sent(make: Make) {
    let client = make(&answering(200, &[], "[]").await);
    assert_eq!(client.fetch_user("", None).await, Err(ProviderError::Invalid { status: 400 }));
    for id in ["..", "."] {
        assert!(!matches!(client.fetch_user(id, None).await, Ok(FetchedUser::Found(_))));
    }
}

async fn nothing_secret_or_personal_is_printed(make: Make) {
    let mut texts = vec![format!("{:?}", make(NOWHERE))];
    for status in [200, 302, 400, 401, 403, 429, 500] {
        let client = make(&answering(status, &[], PERSONAL).await);
        let error = client.fetch_user(id(&client), None).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
    }
    for text in texts {
        for secret in [SECRET, ISSUED_TOKEN, "mara", "coppice-client"] {
            assert!(!text.contains(secret), "{text:?} holds {secret:?}");
        }
    }
}

provider_http::client_conformance!([auth0, entra, entra_certificate, okta, okta_service_app, scim] {
    missing_users_are_gone,
    a_full_quota_is_not_a_failure_of_the_user,
    outages_are_distinguished,
    a_reply_that_breaks_the_contract_is_malformed,
    an_id_that_is_not_one_segment_is_not_sent,
    nothing_secret_or_personal_is_printed,
});
