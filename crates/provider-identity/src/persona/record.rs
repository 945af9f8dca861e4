//! Persona's inquiry, and its mapping to [`VerificationCase`]. All fields but the ID and the status may be missing.
//! <https://docs.withpersona.com/api-reference/inquiries/retrieve-an-inquiry>

use provider_http::lenient::text;
use serde::Deserialize;
use serde_json::Value;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::{VerificationCase, VerificationStatus};

/// <https://docs.withpersona.com/serialization>; `included` is not read.
#[derive(Deserialize)]
pub(crate) struct Document {
    data: Inquiry,
}

#[derive(Deserialize)]
struct Inquiry {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    status: InquiryStatus,
    // We request keys in snake case, and also read Persona's usual kebab case.
    #[serde(alias = "reference-id")]
    reference_id: Option<String>,
    fields: Option<Fields>,
    #[serde(default, alias = "created-at", with = "time::serde::rfc3339::option")]
    created_at: Option<OffsetDateTime>,
    #[serde(default, alias = "decisioned-at", with = "time::serde::rfc3339::option")]
    decisioned_at: Option<OffsetDateTime>,
    #[serde(default, alias = "failed-at", with = "time::serde::rfc3339::option")]
    failed_at: Option<OffsetDateTime>,
    #[serde(default, alias = "redacted-at", with = "time::serde::rfc3339::option")]
    redacted_at: Option<OffsetDateTime>,
    #[serde(default, alias = "updated-at", with = "time::serde::rfc3339::option")]
    updated_at: Option<OffsetDateTime>,
}

/// <https://docs.withpersona.com/inquiry-statuses>
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum InquiryStatus {
    Created,
    Pending,
    Completed,
    NeedsReview,
    Approved,
    Declined,
    Failed,
    Expired,
}

#[derive(Default, Deserialize)]
struct Fields {
    #[serde(alias = "name-first")]
    name_first: Option<Field>,
    #[serde(alias = "name-last")]
    name_last: Option<Field>,
    birthdate: Option<Field>,
}

#[derive(Deserialize)]
struct Field {
    value: Option<Value>,
}

impl Attributes {
    fn verification_status(&self) -> VerificationStatus {
        // A redacted inquiry keeps its status:
        // <https://docs.withpersona.com/api-reference/webhooks/inquiry-events/webhook-inquiry-redacted>.
        if self.redacted_at.is_some() {
            return VerificationStatus::Redacted;
        }
        match self.status {
            InquiryStatus::Created => VerificationStatus::NotStarted,
            InquiryStatus::Pending => VerificationStatus::InProgress,
            InquiryStatus::Completed | InquiryStatus::NeedsReview => VerificationStatus::InReview,
            InquiryStatus::Approved => VerificationStatus::Verified,
            InquiryStatus::Declined | InquiryStatus::Failed => VerificationStatus::Rejected,
            InquiryStatus::Expired => VerificationStatus::Expired,
        }
    }
}

impl From<Document> for VerificationCase {
    fn from(Document { data: Inquiry { id, attributes } }: Document) -> Self {
        let verification_status = attributes.verification_status();
        let fields = attributes.fields.unwrap_or_default();
        Self {
            id,
            external_key: attributes.reference_id,
            verification_status,
            given_name: value(fields.name_first),
            family_name: value(fields.name_last),
            birthdate: value(fields.birthdate).and_then(|text| iso_date(&text)),
            // The person has typed it, and no document shows it. A verified address links persons, so it must not be here.
            email: None,
            opened_at: attributes.created_at,
            decided_at: attributes.decisioned_at.or(attributes.failed_at),
            version: attributes.updated_at,
        }
        .without_unverified_outputs()
    }
}

fn value(field: Option<Field>) -> Option<String> {
    text(field?.value.as_ref()).map(str::to_owned)
}

fn iso_date(text: &str) -> Option<String> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|date| date.to_string())
}
