//! Writes one contact: by its ID, or by our key, which is in a property that is unique. A value that HubSpot does not accept is
//! left out, and the rest is written. Both are batch requests with one record:
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/update-contacts>,
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/upsert-contacts>.
//!
//! `lifecyclestage` is never written.

use std::sync::OnceLock;

use provider_http::json::{Json, needed, readable};
use provider_http::{Answer, ProviderError, ProviderHttp};
use serde_json::json;

use super::error_code::{
    BUSY, CONFLICT, Failed, NOT_UNIQUE, Sent, entry_error, missing_ids, read_write_error,
};
use super::numeric_id::numeric_id;
use super::record::{EMAIL, id};
use crate::{RecordWrite, RefusedProperty, Written};

/// Marks our record in the reply. The order of a reply is not promised.
const TRACE: &str = "coppice";

/// The contact with the given ID does not exist.
const GONE: ProviderError = ProviderError::Invalid { status: 404 };

/// The contact to write.
enum Target<'a> {
    Id { id: String, property: &'a str, key: &'a str },
    Key { property: &'a str, key: &'a str },
}

pub(crate) async fn upsert(
    http: &ProviderHttp,
    key_property: &str,
    write: &RecordWrite,
) -> Result<Written, ProviderError> {
    let (property, key) = (key_property, write.external_key.as_str());
    let target = match &write.id {
        Some(id) => Target::Id { id: numeric_id(id).ok_or(GONE)?, property, key },
        None => Target::Key { property, key },
    };
    let mut sent: Sent<'_> =
        write.values.iter().map(|(property, value)| (property.as_str(), text(value.as_deref()))).collect();
    let mut refused = Vec::new();
    // Each turn but the last takes a value away.
    loop {
        let failed = match target.send(http, &sent).await {
            Ok((id, created)) => return Ok(Written { id, created, refused }),
            Err(failed) => failed,
        };
        let Some(bad) = at_fault(&failed, &sent) else { return Err(target.meaning(failed.error)) };
        sent.remove(bad.property.as_str());
        refused.push(bad);
        if sent.is_empty() {
            // Nothing is left to write, and no contact without a value is created.
            return match target {
                Target::Id { id, .. } => Ok(Written { id, created: false, refused }),
                Target::Key { .. } => Err(failed.error),
            };
        }
    }
}

/// An empty text clears a property; `null` does not.
fn text(value: Option<&str>) -> &str {
    value.filter(|value| !value.trim().is_empty()).unwrap_or_default()
}

/// The property to leave out, if the error is about its value alone.
fn at_fault(failed: &Failed, sent: &Sent<'_>) -> Option<RefusedProperty> {
    let ProviderError::Refused { code, .. } = failed.error else { return None };
    // Another contact has the address, perhaps as a secondary one. It is the only property of all accounts that is unique, and
    // of any other the error has a row.
    let address = || (code == CONFLICT && sent.contains_key(EMAIL)).then(|| EMAIL.to_owned());
    let property = failed.property.clone().or_else(address)?;
    Some(RefusedProperty { property, code })
}

impl Target<'_> {
    /// What an error means that is about no single value.
    fn meaning(&self, error: ProviderError) -> ProviderError {
        match (self, &error) {
            // Another writer has just created a contact with the same key. The next try finds it. Or another contact is still to
            // lose our key: of a value that we sent, the error has a row.
            (Self::Key { .. }, ProviderError::Refused { code: CONFLICT, .. })
            | (_, ProviderError::Refused { code: NOT_UNIQUE, .. }) => BUSY,
            _ => error,
        }
    }

    /// Sends the values. Out: the contact's ID, and whether it is new.
    async fn send(&self, http: &ProviderHttp, sent: &Sent<'_>) -> Result<(String, bool), Failed> {
        let mut properties = json!(sent);
        let (call, mut input) = match self {
            Self::Id { id, property, key } => {
                properties[*property] = json!(key);
                ("update", json!({ "id": id }))
            }
            Self::Key { property, key } => ("upsert", json!({ "id": key, "idProperty": property })),
        };
        input["properties"] = properties;
        input["objectWriteTraceId"] = TRACE.into();
        let request = json!({ "inputs": [input] });
        let at_fault = OnceLock::new();
        let read_error = |status: u16, body: &[u8]| {
            let Failed { error, property } = read_write_error(status, body, sent)?;
            property.into_iter().for_each(|property| drop(at_fault.set(property)));
            Some(error)
        };
        // Done twice, either does the same as once: so it may be sent a second time when the connection breaks.
        match http.post_json_and(&["contacts", "batch", call], &request, &read_error).await {
            Ok(Answer::Found { value, .. }) => self.read(&value, sent),
            // The object or the API's version does not exist. That must not look like a contact that is gone.
            Ok(Answer::NotFound | Answer::Gone | Answer::NotModified) => {
                Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false }.into())
            }
            Err(error) => Err(Failed { error, property: at_fault.into_inner() }),
        }
    }

    fn read(&self, reply: &Json, sent: &Sent<'_>) -> Result<(String, bool), Failed> {
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
            (Self::Id { .. }, Some(error)) if missing_ids(error).is_some() => Err(GONE.into()),
            (_, Some(error)) => Err(entry_error(error, sent)),
            // A contact that was merged into another drops out of the results, or the other one is there.
            (Self::Id { .. }, None) => Err(GONE.into()),
            (Self::Key { .. }, None) => Err(ProviderError::WHOLE_REPLY_MALFORMED.into()),
        }
    }

    fn is_ours(&self, row: &Json, rows: usize) -> Result<bool, ProviderError> {
        Ok(match self {
            Self::Id { id: asked, .. } => id(row)? == *asked,
            Self::Key { .. } => match row.at("objectWriteTraceId").text().ok().flatten() {
                Some(trace) => trace == TRACE,
                None => rows == 1,
            },
        })
    }
}
