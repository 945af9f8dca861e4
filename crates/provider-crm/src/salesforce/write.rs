//! Writes one contact: by its ID, or by our key. Both are batch requests with one record, since the reply has its result:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_update.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm>.

use provider_http::{Answer, ProviderError, ProviderHttp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::contact_id::ContactId;
use super::error_code::write_error;
use super::record::{EXTERNAL_KEY, NO_NAME};
use crate::{ContactField, ContactWrite, ContactWritten};

const LAST_NAME: &str = "LastName";

#[derive(Deserialize)]
struct Saved {
    id: Option<String>,
    success: bool,
    #[serde(default)]
    created: bool,
    errors: Option<Vec<SaveError>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaveError {
    status_code: String,
    message: Option<String>,
    fields: Option<Vec<String>>,
}

pub(crate) async fn upsert_contact(
    http: &ProviderHttp,
    write: &ContactWrite,
) -> Result<ContactWritten, ProviderError> {
    let mut record = record(write);
    if let Some(id) = &write.id {
        let id = ContactId::parse(id).ok_or(GONE)?;
        record.insert("id".into(), id.as_str().into());
        return written(save(http, &COLLECTION, &record).await?);
    }
    let by_key = [COLLECTION[0], COLLECTION[1], "Contact", EXTERNAL_KEY];
    let saved = save(http, &by_key, &record).await?;
    if !saved.lacks_last_name() || record.contains_key(LAST_NAME) {
        return written(saved);
    }
    // Only a new contact needs a name. If the first call sent this name, it would replace the name of an existing contact.
    record.insert(LAST_NAME.into(), NO_NAME.into());
    written(save(http, &by_key, &record).await?)
}

/// The contact with the given ID does not exist.
const GONE: ProviderError = ProviderError::Invalid { status: 404 };

const COLLECTION: [&str; 2] = ["composite", "sobjects"];

fn record(write: &ContactWrite) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("attributes".into(), json!({"type": "Contact"}));
    record.insert(EXTERNAL_KEY.into(), write.external_key.as_str().into());
    for (field, value) in &write.fields {
        // A last name is not cleared, since Salesforce would refuse the whole write.
        let value = value.as_deref().filter(|value| !value.trim().is_empty());
        if (*field, value) != (ContactField::FamilyName, None) {
            record.insert(name(*field).into(), value.into());
        }
    }
    record
}

fn name(field: ContactField) -> &'static str {
    match field {
        ContactField::GivenName => "FirstName",
        ContactField::FamilyName => LAST_NAME,
        ContactField::Email => "Email",
        ContactField::Phone => "Phone",
        ContactField::Birthdate => "Birthdate",
    }
}

async fn save(
    http: &ProviderHttp,
    path: &[&str],
    record: &Map<String, Value>,
) -> Result<Saved, ProviderError> {
    let request = json!({"allOrNone": false, "records": [record]});
    // A 404 of the whole request: the object or the key's field does not exist, or is hidden from our user. That must not look
    // like a contact that is gone.
    match http.patch_json::<_, [Saved; 1]>(path, &[], &request).await? {
        Answer::Found { value: [saved], .. } => Ok(saved),
        Answer::NotFound | Answer::Gone | Answer::NotModified => {
            Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false })
        }
    }
}

fn written(saved: Saved) -> Result<ContactWritten, ProviderError> {
    match (saved.success, saved.id) {
        (true, Some(id)) if !id.is_empty() => Ok(ContactWritten { id, created: saved.created }),
        (true, _) => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        (false, _) => {
            let error =
                saved.errors.into_iter().flatten().next().ok_or(ProviderError::Invalid { status: 400 })?;
            Err(write_error(&error.status_code, error.message.as_deref()).unwrap_or(GONE))
        }
    }
}

impl Saved {
    fn lacks_last_name(&self) -> bool {
        let lacking = |error: &SaveError| {
            error.status_code == "REQUIRED_FIELD_MISSING"
                && error.fields.iter().flatten().any(|field| field == LAST_NAME)
        };
        !self.success && self.errors.iter().flatten().any(lacking)
    }
}
