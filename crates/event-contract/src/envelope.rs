//! The EventBridge envelope around every event, ours and the providers'. The detail stays raw JSON: only the owner of that
//! shape may look inside. Shape: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::Detail;

/// One event as a rule hands it to a queue.
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope {
    /// EventBridge's own ID of this event. A redelivery has the same one; a replay or a redrive too.
    pub id: Uuid,
    /// Who sent it: `coppice`, `coppice.ingress.<provider>`, or `aws.partner/<partner>/…`.
    pub source: String,
    /// The kind of event within its source. Not relied on for Auth0, whose value is undocumented.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// When the sender says it happened. A sender's clock: a hint, never an order.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The sender's own JSON.
    pub detail: Box<RawValue>,
}

/// Why a message body is not an EventBridge event. Never quotes the body: it may hold personal data.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Not JSON, or without one of the fields that every EventBridge event has.
    #[error("not an EventBridge event: {category} error at line {line} column {column}")]
    NotAnEvent {
        /// `syntax`, `data` (a field is missing or of the wrong type) or `eof`.
        category: &'static str,
        /// Where in the body, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
    },
}

impl EnvelopeError {
    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        // The error's own text quotes the input.
        let category = match error.classify() {
            serde_json::error::Category::Io => "read",
            serde_json::error::Category::Syntax => "syntax",
            serde_json::error::Category::Data => "data",
            serde_json::error::Category::Eof => "eof",
        };
        Self::NotAnEvent { category, line: error.line(), column: error.column() }
    }
}

impl Envelope {
    /// Reads a message body.
    ///
    /// # Errors
    /// [`EnvelopeError::NotAnEvent`] with the place of the fault, not its text.
    pub fn parse(body: &str) -> Result<Self, EnvelopeError> {
        serde_json::from_str(body).map_err(|error| EnvelopeError::from_json(&error))
    }
}

/// The body of a new event as a rule would hand it to a queue: for a message that is sent straight to the queue.
pub fn queued_event(source: &str, detail_type: &str, detail: &impl Detail) -> String {
    // A time of this century always has a text.
    let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    json!({"version": "0", "id": Uuid::now_v7(), "source": source, "detail-type": detail_type, "time": time,
        "detail": detail})
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_but_never_what_the_body_held() {
        let body = r#"{"id": "mara.quill@example.org"}"#;
        let error = Envelope::parse(body).unwrap_err().to_string();
        assert_eq!(error, "not an EventBridge event: data error at line 1 column 31");
    }

    #[test]
    fn an_event_with_fields_that_we_do_not_know_is_read() {
        let body = r#"{"version":"0","id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"s",
            "account":"1","time":"2026-11-20T15:10:42Z","region":"r","resources":[],"replay-name":"n","detail":{"a":1}}"#;
        let envelope = Envelope::parse(body).unwrap();
        assert_eq!(envelope.source, "s");
        assert_eq!(envelope.detail.get(), r#"{"a":1}"#);
    }
}
