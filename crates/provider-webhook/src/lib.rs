//! What all providers' webhooks share.
//!
//! In: a request, and the secrets that are live. Out: whether one of the secrets signed it, whether it is of now, and which
//! records its body names. A vendor's `webhook.rs` is a [`Webhook`], made of the parts here; it stands in the connector. A
//! scheme reads a body as bytes, unless the proof is in the body, and no error quotes a request.

mod authorization;
mod body;
mod described;
mod scheme;
mod secrets;
pub mod standard;
mod timed_set;
#[cfg(feature = "test-support")]
pub mod vectors;
mod webhook;

pub use authorization::{is_secret, verify_authorization};
pub use body::{
    Id, OTHER_KIND, UnreadableBody, WebhookRecord, known_kind, one_or_many, parse, rfc3339, text_id,
    text_or_number_id,
};
pub use described::{
    BodyReader, DescribedWebhook, Encoding, HmacHeader, Scheme, SignedPart, SignedTime, SourceWebhook,
};
pub use http::{HeaderMap, HeaderName, HeaderValue};
pub use scheme::{
    MAX_SIGNATURES, SignedRequest, VerifyError, check_age, from_base64, from_hex, unix_millis, verify_digests,
};
pub use secrets::Secrets;
pub use timed_set::verify_timed_set;
pub use webhook::{Challenge, ChallengeAnswer, Keys, Proof, Verify, Webhook};
