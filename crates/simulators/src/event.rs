//! An event of a provider, as it enters EventBridge or as it calls `webhook-ingress`.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// An event as `PutEvents` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeEvent {
    /// `Source`: the partner event source.
    pub source: String,
    /// `DetailType`.
    pub detail_type: String,
    /// `Detail`: JSON.
    pub detail: String,
}

/// A provider's request to `webhook-ingress`, with what proves that the provider sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedWebhook {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
}

impl NativeEvent {
    /// The whole event as a rule hands it to a queue, with a new ID.
    pub fn to_envelope_json(&self) -> String {
        let detail: Value = serde_json::from_str(&self.detail).expect("the simulator writes JSON");
        json!({
            "version": "0",
            "id": Uuid::new_v4(),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": "000000000000",
            "time": OffsetDateTime::now_utc().format(&Rfc3339).expect("the present can be written"),
            "region": "us-east-1",
            "resources": [],
            "detail": detail,
        })
        .to_string()
    }
}
