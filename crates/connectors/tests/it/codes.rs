//! The code of a refusal, which an operator can act on, from each vendor's place for it. A text that is not listed is not repeated.

use connectors::{ProviderError, Records};
use provider_http::test_server::answering;

use crate::fixtures::{SECRET, auth0_at, entra_at, okta_at, scim_at, stripe_at};

async fn refusals(body: &'static str) -> [ProviderError; 5] {
    let url = answering(400, &[], body).await;
    [
        auth0_at(&url).fetch("auth0|1", None).await.unwrap_err(),
        entra_at(&url).fetch("3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8", None).await.unwrap_err(),
        okta_at(&url, SECRET).fetch("00u1", None).await.unwrap_err(),
        scim_at(&url).fetch("1", None).await.unwrap_err(),
        stripe_at(&url).fetch("vs_1", None).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_the_vendor_s_code_and_nothing_else_of_its_reply() {
    let of_auth0 = r#"{"statusCode": 400, "errorCode": "invalid_uri", "message": "nora@example.org"}"#;
    // In any case: Microsoft promises none.
    let of_entra = r#"{"error": {"code": "request_BADREQUEST", "message": "nora@example.org"}}"#;
    let of_okta = r#"{"errorCode": "E0000003", "errorSummary": "nora@example.org"}"#;
    let of_scim = r#"{"status": "400", "scimType": "invalidSyntax", "detail": "nora@example.org"}"#;
    let of_stripe = r#"{"error": {"code": "api_key_expired", "message": "nora@example.org"}}"#;
    let listed = [
        (of_auth0, "invalid_uri"),
        (of_entra, "Request_BadRequest"),
        (of_okta, "E0000003"),
        (of_scim, "invalidSyntax"),
        (of_stripe, "api_key_expired"),
    ];
    for (vendor, (body, code)) in listed.into_iter().enumerate() {
        for (other, refusal) in refusals(body).await.into_iter().enumerate() {
            let expected = if other == vendor {
                ProviderError::Refused { code, names_record: false }
            } else {
                ProviderError::Invalid { status: 400 }
            };
            assert_eq!(refusal, expected, "{body}");
        }
    }
    let unknown = r#"{"errorCode": "nora@example.org", "scimType": "nora@example.org", "error": {"code": "nora@example.org"}}"#;
    assert_eq!(refusals(unknown).await, [const { ProviderError::Invalid { status: 400 } }; 5]);
}
