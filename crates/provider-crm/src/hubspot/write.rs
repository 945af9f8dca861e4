//! Writes one contact: by its ID, or by our key, which is in a property that is unique. A value that `HubSpot` does not accept is
//! left out, and the rest is written. Both are batch requests with one record:
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/update-contacts>,
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/upsert-contacts>.
//!
//! `lifecyclestage` is never written.

use provider_http::json::{Json, needed, readable};
use provider_http::{Answer, ProviderError, ProviderHttp};
use serde_json::{Map, Value, json};

use super::error_code::{BUSY, CONFLICT, NOT_UNIQUE, entry_error, missing_ids, refused_field};
use super::numeric_id::numeric_id;
use super::record::{id, property};
use crate::{ContactField, ContactWrite, ContactWritten, RefusedField};

/// Marks our record in the reply. The order of a reply is not promised.
const TRACE: &str = "coppice";

/// The contact with the given ID does not exist.
const GONE: ProviderError = ProviderError::Invalid { status: 404 };

/// The contact to write.
enum Target<'a> {
    Id(String),
    Key { property: &'a str, key: &'a str },
}

pub(crate) async fn upsert_contact(
    http: &ProviderHttp,
    key_property: &str,
    write: &ContactWrite,
) -> Result<ContactWritten, ProviderError> {
    let target = match &write.id {
        Some(id) => Target::Id(numeric_id(id).ok_or(GONE)?),
        None => Target::Key { property: key_property, key: &write.external_key },
    };
    let mut properties = properties(write, &target, key_property);
    let mut refused = Vec::new();
    // Each turn but the last takes a field away.
    loop {
        let error = match send(http, &target, &properties).await {
            Ok((id, created)) => return Ok(ContactWritten { id, created, refused }),
            Err(error) => error,
        };
        let Some(bad) = at_fault(&error, &properties) else { return Err(target.meaning(error)) };
        properties.remove(property(bad.field));
        refused.push(bad);
        if !write.fields.keys().any(|field| properties.contains_key(property(*field))) {
            // Nothing is left to write, and no contact without a value is created.
            return match target {
                Target::Id(id) => Ok(ContactWritten { id, created: false, refused }),
                Target::Key { .. } => Err(error),
            };
        }
    }
}

fn properties(write: &ContactWrite, target: &Target<'_>, key_property: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    if let Target::Id(_) = target {
        properties.insert(key_property.to_owned(), write.external_key.as_str().into());
    }
    for (field, value) in &write.fields {
        // An empty text clears a property; `null` does not.
        let value = value.as_deref().filter(|value| !value.trim().is_empty()).unwrap_or_default();
        properties.insert(property(*field).to_owned(), value.into());
    }
    properties
}

/// The field to leave out, if the error is about its value alone.
fn at_fault(error: &ProviderError, properties: &Map<String, Value>) -> Option<RefusedField> {
    let is_written = |bad: &RefusedField| properties.contains_key(property(bad.field));
    let address = || match error {
        // Another contact has the address, perhaps as a secondary one. Of our properties only the address and the key are
        // unique, and it is tried without the address first.
        ProviderError::Refused { code: CONFLICT, .. } => {
            Some(RefusedField { field: ContactField::Email, code: CONFLICT })
        }
        _ => None,
    };
    refused_field(error).or_else(address).filter(is_written)
}

impl Target<'_> {
    /// What an error means that is about no single value.
    fn meaning(&self, error: ProviderError) -> ProviderError {
        match (self, &error) {
            // Another writer has just created a contact with the same key. The next try finds it.
            (Self::Key { .. }, ProviderError::Refused { code: CONFLICT | NOT_UNIQUE, .. }) => BUSY,
            _ => error,
        }
    }
}

/// Sends the values. Out: the contact's ID, and whether it is new.
async fn send(
    http: &ProviderHttp,
    target: &Target<'_>,
    properties: &Map<String, Value>,
) -> Result<(String, bool), ProviderError> {
    let (call, input) = match target {
        Target::Id(id) => ("update", json!({ "id": id })),
        Target::Key { property, key } => ("upsert", json!({ "id": key, "idProperty": property })),
    };
    let mut input = input;
    input["properties"] = properties.clone().into();
    input["objectWriteTraceId"] = TRACE.into();
    let request = json!({ "inputs": [input] });
    // Done twice, either does the same as once: so it may be sent a second time when the connection breaks.
    match http.post_json_to_read(&["contacts", "batch", call], &[], &request).await? {
        Answer::Found { value, .. } => target.read(&value),
        // The object or the API's version does not exist. That must not look like a contact that is gone.
        Answer::NotFound | Answer::Gone | Answer::NotModified => {
            Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false })
        }
    }
}

impl Target<'_> {
    fn read(&self, reply: &Json) -> Result<(String, bool), ProviderError> {
        let results = needed("results", reply.at("results").list())?;
        let errors = readable("errors", reply.at("errors").list())?.unwrap_or_default();
        for row in results {
            if self.is_ours(row, results.len())? {
                // The record is written, whatever `new` says.
                let created = row.at("new").flag().ok().flatten().unwrap_or_default();
                return Ok((id(row)?, created));
            }
        }
        match (self, errors.first()) {
            (Self::Id(_), Some(error)) if missing_ids(error).is_some() => Err(GONE),
            (_, Some(error)) => Err(entry_error(error)),
            // A contact that was merged into another drops out of the results, or the other one is there.
            (Self::Id(_), None) => Err(GONE),
            (Self::Key { .. }, None) => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    fn is_ours(&self, row: &Json, rows: usize) -> Result<bool, ProviderError> {
        Ok(match self {
            Self::Id(asked) => id(row)? == *asked,
            Self::Key { .. } => match row.at("objectWriteTraceId").text().ok().flatten() {
                Some(trace) => trace == TRACE,
                None => rows == 1,
            },
        })
    }
}
