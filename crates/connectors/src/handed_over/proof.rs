//! How a sender proves a record that it hands over: `x-coppice-signature: sha256=<hex>`, the HMAC-SHA256 of the method, the path
//! with its query, and the body, with a line break behind each of the first two. It needs no time: a request that is repeated has
//! the same version, and changes nothing.

use provider_webhook::{
    HeaderMap, Keys, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError, Webhook, WebhookRecord,
    from_hex, parse, verify_digests,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// The header with the signature.
const SIGNATURE: &str = "x-coppice-signature";

/// The proof and the form of what is handed over, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Signature(verify), read, challenge: None, signs_url: false };

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, _: OffsetDateTime) -> Result<(), VerifyError> {
    let hex = request.header(SIGNATURE)?.strip_prefix("sha256=").ok_or(VerifyError::Signature)?;
    let parts = [request.method.as_bytes(), b"\n", request.path.as_bytes(), b"\n", request.body];
    verify_digests(secrets, &parts, &[from_hex(hex)?])
}

/// The path names the record, so a body names none. It is a JSON object, or empty if the record is removed.
fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    if !body.is_empty() {
        parse::<Map<String, Value>>(body)?;
    }
    Ok(Vec::new())
}
