//! What Persona tells about a change: <https://docs.withpersona.com/webhooks>.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use time::OffsetDateTime;

use super::inquiry::timestamp;
use crate::{NativeEvent, SignedWebhook};

/// A change; its methods make the event about it.
#[derive(Debug, Clone, PartialEq)]
pub struct InquiryChange {
    name: String,
    inquiry: Value,
    /// When it happened.
    pub at: OffsetDateTime,
}

impl InquiryChange {
    pub(crate) fn new(change: &str, inquiry: Value, at: OffsetDateTime) -> Self {
        Self { name: format!("inquiry.{change}"), inquiry, at }
    }

    /// The webhook's body, whole. It is not signed.
    pub fn webhook_body(&self) -> String {
        let attributes = json!({
            "name": self.name,
            "payload": { "data": self.inquiry, "included": [] },
            "created-at": timestamp(self.at),
            "redacted-at": null,
        });
        let id = format!("evt_{}", self.at.unix_timestamp_nanos());
        json!({ "data": { "type": "event", "id": id, "attributes": attributes } }).to_string()
    }

    /// The webhook, sent now: <https://docs.withpersona.com/webhooks-best-practices>.
    pub fn webhook(&self, secret: &str) -> SignedWebhook {
        let (body, at) = (self.webhook_body(), OffsetDateTime::now_utc().unix_timestamp());
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is one");
        mac.update(format!("{at}.{body}").as_bytes());
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        SignedWebhook { headers: vec![("persona-signature", format!("t={at},v1={digest}"))], body }
    }

    /// What our own ingress puts on the bus for that webhook.
    pub fn ingress_event(&self) -> NativeEvent {
        let not_before = &self.inquiry["attributes"]["updated-at"];
        let detail = json!({ "ids": [self.inquiry["id"]], "change": "changed", "not_before": not_before });
        NativeEvent {
            source: "coppice.ingress.persona".to_owned(),
            detail_type: "RecordsChanged".to_owned(),
            detail: detail.to_string(),
        }
    }
}
