//! The code of a refusal, which an operator can act on. A text that is not listed is not repeated.

use provider_http::test_server::answering;
use provider_identity::{IdentityProvider, ProviderError};

use crate::clients::stripe;

async fn refusal(body: &'static str) -> ProviderError {
    stripe(&answering(400, &[], body).await).fetch_case("vs_1").await.unwrap_err()
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_stripe_s_code_and_nothing_else_of_its_reply() {
    let listed = refusal(r#"{"error": {"code": "api_key_expired", "message": "nora@example.org"}}"#).await;
    assert_eq!(listed, ProviderError::Refused { code: "api_key_expired", names_record: false });
    let unknown = refusal(r#"{"error": {"code": "nora@example.org"}}"#).await;
    assert_eq!(unknown, ProviderError::Invalid { status: 400 });
}
