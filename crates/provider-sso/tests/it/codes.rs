//! The code of a refusal, which an operator can act on, from each vendor's place for it. A text that is not listed is not repeated.

use provider_http::test_server::answering;
use provider_sso::{ProviderError, SsoClient, SsoProvider};

use crate::clients::{auth0, entra, okta, scim};

const USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

async fn refusal(client: impl Fn(&str) -> SsoClient, id: &str, body: &'static str) -> ProviderError {
    client(&answering(400, &[], body).await).fetch_user(id, None).await.unwrap_err()
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_the_vendor_s_code_and_nothing_else_of_its_reply() {
    let of_auth0 = r#"{"statusCode": 400, "errorCode": "invalid_uri", "message": "nora@example.org"}"#;
    let of_okta = r#"{"errorCode": "E0000003", "errorSummary": "nora@example.org"}"#;
    let of_scim = r#"{"status": "400", "scimType": "invalidSyntax", "detail": "nora@example.org"}"#;
    let of_entra = r#"{"error": {"code": "request_BADREQUEST", "message": "nora@example.org",
        "innerError": {"request-id": "r"}}}"#;
    let refusals = [
        (refusal(auth0, "auth0|1", of_auth0).await, "invalid_uri"),
        (refusal(entra, USER, of_entra).await, "Request_BadRequest"),
        (refusal(okta, "00u1", of_okta).await, "E0000003"),
        (refusal(scim, "1", of_scim).await, "invalidSyntax"),
    ];
    for (refusal, code) in refusals {
        assert_eq!(refusal, ProviderError::Refused { code, names_record: false });
    }
    let unknown = r#"{"errorCode": "nora@example.org", "scimType": "nora@example.org",
        "error": {"code": "nora@example.org"}}"#;
    for refusal in [
        refusal(auth0, "auth0|1", unknown).await,
        refusal(entra, USER, unknown).await,
        refusal(okta, "00u1", unknown).await,
        refusal(scim, "1", unknown).await,
    ] {
        assert_eq!(refusal, ProviderError::Invalid { status: 400 });
    }
}
